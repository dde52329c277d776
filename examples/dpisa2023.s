// What KVM shows of the 2023 dpISA extensions: an arm64 Linux program that talks to /dev/kvm and needs nothing else.
// It opens /dev/kvm, creates a VM, reads the ID registers that the 2023 extensions brought, says field by field what
// the VM gets and what a VMM may change, uses FPMR, then takes FPMR away from a second VM and looks again.
//
//   npm start                              runs it (this file is assembled by the project's own assembler)
//   npx hypatia asm -o prog examples/dpisa2023.s && npx hypatia exec ./prog

        .equ SYS_ioctl, 29
        .equ SYS_openat, 56
        .equ SYS_close, 57
        .equ SYS_write, 64
        .equ SYS_exit_group, 94
        .equ AT_FDCWD, -100
        .equ O_RDWR, 2
        .equ ENOENT, 2
        .equ EINVAL, 22

        .equ KVM_GET_API_VERSION, 0xae00
        .equ KVM_CREATE_VM, 0xae01
        .equ KVM_CREATE_VCPU, 0xae41
        .equ KVM_SET_USER_MEMORY_REGION, 0x4020ae46
        .equ KVM_RUN, 0xae80
        .equ KVM_ARM_PREFERRED_TARGET, 0x8020aeaf
        .equ KVM_ARM_VCPU_INIT, 0x4020aeae
        .equ KVM_GET_ONE_REG, 0x4010aeab
        .equ KVM_SET_ONE_REG, 0x4010aeac
        .equ KVM_GET_REG_LIST, 0xc008aeb0
        .equ KVM_ARM_GET_REG_WRITABLE_MASKS, 0x8040aeb6
        .equ PSCI_0_2, 1 << 2
        .equ GUEST, 0x10000                     // where the guest's page is

        // ONE_REG ids of 64-bit system registers: class, then op0:op1:CRn:CRm:op2
        .equ REG_FPMR, 0x603000000013da22
        .equ REG_ISAR2, 0x603000000013c032
        .equ REG_ISAR3, 0x603000000013c033
        .equ REG_PC, 0x6030000000100040
        .equ REG_PFR2, 0x603000000013c022
        .equ REG_FPFR0, 0x603000000013c027

        .text
        .global _start
_start: adrp    x19, data
        add     x19, x19, :lo12:data            // x19: our data
        adr     x0, t_title
        bl      puts
        // /dev/kvm
        mov     x0, #AT_FDCWD
        adr     x1, t_dev
        mov     x2, #O_RDWR
        mov     x8, #SYS_openat
        svc     #0
        tbnz    x0, #63, no_kvm
        str     w0, [x19, #kvm_fd - data]
        ldr     w1, =KVM_GET_API_VERSION
        mov     x2, #0
        bl      ioctl
        mov     x20, x0
        adr     x0, t_api
        bl      puts
        mov     x0, x20
        bl      putdec
        bl      newline

        // The first VM, as it comes
        bl      make_vm
        tbnz    x0, #63, failed
        adr     x0, t_vm1
        bl      puts
        bl      reg_list
        mov     x26, x0                         // x26: how many registers
        mov     x27, x1                         // x27: FPMR is among them
        bl      putdec
        adr     x0, t_regs
        bl      puts

        ldr     w0, [x19, #vm_fd - data]
        ldr     w1, =KVM_ARM_GET_REG_WRITABLE_MASKS
        add     x2, x19, #mask_range - data
        add     x3, x19, #masks - data
        str     x3, [x2]
        bl      ioctl
        tbnz    x0, #63, failed

        adr     x21, t_registers                // each register, each field
1:      ldr     x22, [x21], #8                  // ONE_REG id
        cbz     x22, fields_done
        ldr     x23, [x21], #8                  // its name
        mov     x0, x22
        bl      get_reg
        tbnz    x1, #63, failed
        mov     x24, x0                         // value
        bl      newline
        mov     x0, x23
        bl      puts
        adr     x0, t_eq
        bl      puts
        mov     x0, x24
        bl      puthex
        // the mask's index is CRm:op2, the low six bits of the id
        and     x0, x22, #63
        add     x1, x19, #masks - data
        ldr     x25, [x1, x0, lsl #3]           // writable bits
        adr     x0, t_writable
        bl      puts
        mov     x0, x25
        bl      puthex
        bl      newline
2:      ldr     x28, [x21], #8                  // field: name
        cbz     x28, 1b
        ldp     w23, w22, [x21], #8             // lsb, width
        adr     x0, t_indent
        bl      puts
        mov     x0, x28
        bl      puts
        lsr     x1, x24, x23
        mov     x2, #1
        lsl     x2, x2, x22
        sub     x2, x2, #1
        and     x28, x1, x2                     // the field
        mov     x0, x28
        bl      putdec
        lsr     x1, x25, x23
        and     x1, x1, x2
        adr     x0, t_fixed
        cbz     x28, 3f
        adr     x0, t_only
        adr     x2, t_lower
        cmp     x1, #0
        csel    x0, x0, x2, eq
3:      bl      puts
        b       2b

fields_done:
        bl      newline
        cbz     x27, no_fpmr
        // FPMR: 0 at first, keeps what is written, every bit
        adr     x0, t_fpmr
        bl      puts
        ldr     x0, =REG_FPMR
        bl      get_reg
        bl      puthex
        adr     x0, t_fpmr_set
        bl      puts
        ldr     x0, =REG_FPMR
        ldr     x1, =0x0000002a00000049
        bl      set_reg
        tbnz    x0, #63, failed
        ldr     x0, =REG_FPMR
        bl      get_reg
        bl      puthex
        bl      newline
        // ISAR3.CPA is hidden: asking for it is refused
        ldr     x0, =REG_ISAR3
        bl      get_reg
        orr     x1, x0, #1
        ldr     x0, =REG_ISAR3
        bl      set_reg
        adr     x1, t_cpa_refused
        adr     x2, t_cpa_taken
        cmn     x0, #EINVAL
        csel    x0, x1, x2, eq
        bl      puts

        // The second VM: PFR2.FPMR lowered to 0
        bl      make_vm
        tbnz    x0, #63, failed
        ldr     x0, =REG_PFR2
        bl      get_reg
        and     x1, x0, #0xfffffff0ffffffff
        ldr     x0, =REG_PFR2
        bl      set_reg
        tbnz    x0, #63, failed
        adr     x0, t_vm2
        bl      puts
        bl      reg_list
        mov     x20, x1
        bl      putdec
        adr     x0, t_regs
        bl      puts
        adr     x0, t_listed
        adr     x1, t_gone
        cmp     x20, #0
        csel    x0, x1, x0, eq
        bl      puts
        ldr     x0, =REG_FPMR
        bl      get_reg
        adr     x0, t_answers
        adr     x2, t_enoent
        cmn     x1, #ENOENT
        csel    x0, x2, x0, eq
        bl      puts

        // A third VM runs a guest that uses FPMR and FP registers, while we have values of our own in ours. Nothing is printed
        // unless somebody finds somebody else's.
        bl      make_vm
        tbnz    x0, #63, failed
        adrp    x20, guest_page
        add     x20, x20, :lo12:guest_page
        adr     x1, guest
        mov     x2, #0
1:      ldr     w3, [x1, x2]
        str     w3, [x20, x2]
        add     x2, x2, #4
        cmp     x2, #guest_end - guest
        b.ne    1b
        add     x2, x19, #region - data
        str     x20, [x2, #24]
        ldr     w0, [x19, #vm_fd - data]
        ldr     w1, =KVM_SET_USER_MEMORY_REGION
        bl      ioctl
        tbnz    x0, #63, failed
        ldr     x0, =REG_PC
        mov     x1, #GUEST
        bl      set_reg
        tbnz    x0, #63, failed
        mov     x0, #0x49                       // ours: E4M3 all over
        msr     S3_3_C4_C4_2, x0
        fmov    d8, #1.0
        ldr     w0, [x19, #vcpu_fd - data]
        ldr     w1, =KVM_RUN
        mov     x2, #0
        bl      ioctl
        tbnz    x0, #63, failed
        mrs     x0, S3_3_C4_C4_2
        cmp     x0, #0x49
        b.ne    failed
        fmov    x0, d8
        lsr     x0, x0, #52
        cmp     x0, #1023                       // 1.0
        b.ne    failed
        ldr     x0, =REG_FPMR
        bl      get_reg
        cmp     x0, #8                          // the guest's
        b.ne    failed
        b       done

// What the guest executes, at EL1 with the MMU off: E5M2 in, E4M3 for the other source, and out by a store to nowhere.
guest:  mov     x0, #3 << 20
        msr     cpacr_el1, x0
        isb
        mov     x0, #8
        msr     S3_3_C4_C4_2, x0
        movi    v8.16b, #0x3c
        fadd    v9.4s, v8.4s, v8.4s
        mov     x1, #0
        strb    w0, [x1]
guest_end:

no_fpmr:
        adr     x0, t_no_fpmr
        bl      puts
done:   mov     x0, #0
        b       exit
no_kvm: mov     x20, x0
        adr     x0, t_no_kvm
        bl      puts
        neg     x0, x20
        bl      putdec
        bl      newline
        mov     x0, #4
        b       exit
failed: adr     x0, t_failed
        bl      puts
        mov     x0, #1
exit:   mov     x8, #SYS_exit_group
        svc     #0

// make_vm: a VM with one vCPU, both in our data. x0: 0 or -errno
make_vm:
        stp     x29, x30, [sp, #-16]!
        ldr     w0, [x19, #kvm_fd - data]
        ldr     w1, =KVM_CREATE_VM
        mov     x2, #0
        bl      ioctl
        tbnz    x0, #63, 1f
        str     w0, [x19, #vm_fd - data]
        ldr     w1, =KVM_CREATE_VCPU
        mov     x2, #0
        bl      ioctl
        tbnz    x0, #63, 1f
        str     w0, [x19, #vcpu_fd - data]
        ldr     w0, [x19, #vm_fd - data]
        ldr     w1, =KVM_ARM_PREFERRED_TARGET
        add     x2, x19, #vcpu_init - data
        bl      ioctl
        tbnz    x0, #63, 1f
        mov     w0, #PSCI_0_2
        str     w0, [x19, #vcpu_init - data + 4]
        ldr     w0, [x19, #vcpu_fd - data]
        ldr     w1, =KVM_ARM_VCPU_INIT
        add     x2, x19, #vcpu_init - data
        bl      ioctl
1:      ldp     x29, x30, [sp], #16
        ret

// get_reg: x0 id. x0: value, x1: 0 or -errno
get_reg:
        stp     x29, x30, [sp, #-16]!
        add     x2, x19, #one_reg - data
        add     x3, x19, #reg_value - data
        stp     x0, x3, [x2]
        ldr     w0, [x19, #vcpu_fd - data]
        ldr     w1, =KVM_GET_ONE_REG
        bl      ioctl
        mov     x1, x0
        ldr     x0, [x19, #reg_value - data]
        ldp     x29, x30, [sp], #16
        ret

// set_reg: x0 id, x1 value. x0: 0 or -errno
set_reg:
        stp     x29, x30, [sp, #-16]!
        str     x1, [x19, #reg_value - data]
        add     x2, x19, #one_reg - data
        add     x3, x19, #reg_value - data
        stp     x0, x3, [x2]
        ldr     w0, [x19, #vcpu_fd - data]
        ldr     w1, =KVM_SET_ONE_REG
        bl      ioctl
        ldp     x29, x30, [sp], #16
        ret

// reg_list: x0 how many registers there are, x1: 1 if FPMR is one of them
reg_list:
        stp     x29, x30, [sp, #-16]!
        mov     x0, #1024
        str     x0, [x19, #list - data]
        ldr     w0, [x19, #vcpu_fd - data]
        ldr     w1, =KVM_GET_REG_LIST
        add     x2, x19, #list - data
        bl      ioctl
        add     x2, x19, #list - data
        ldr     x0, [x2], #8
        ldr     x3, =REG_FPMR
        mov     x1, #0
        mov     x4, x0
1:      cbz     x4, 2f
        ldr     x5, [x2], #8
        cmp     x5, x3
        cinc    x1, x1, eq
        sub     x4, x4, #1
        b       1b
2:      ldp     x29, x30, [sp], #16
        ret

// ioctl: w0 fd, w1 request, x2 argument
ioctl:  mov     x8, #SYS_ioctl
        svc     #0
        ret

// puts: x0 text, ended by a zero byte
puts:   mov     x1, x0
        mov     x2, #0
1:      ldrb    w3, [x1, x2]
        cbz     w3, 2f
        add     x2, x2, #1
        b       1b
2:      mov     x0, #1
        mov     x8, #SYS_write
        svc     #0
        ret
newline:
        adr     x0, t_newline
        b       puts

// puthex: x0 as 0x and sixteen digits
puthex: stp     x29, x30, [sp, #-16]!
        add     x1, x19, #number - data
        mov     w2, #'0'
        strb    w2, [x1], #1
        mov     w2, #'x'
        strb    w2, [x1], #1
        mov     x4, #16
1:      ror     x0, x0, #60
        and     x2, x0, #15
        add     x3, x2, #'0'
        add     x5, x2, #'a' - 10
        cmp     x2, #10
        csel    x3, x3, x5, lo
        strb    w3, [x1], #1
        subs    x4, x4, #1
        b.ne    1b
        strb    wzr, [x1]
        add     x0, x19, #number - data
        bl      puts
        ldp     x29, x30, [sp], #16
        ret

// putdec: x0 in decimal
putdec: stp     x29, x30, [sp, #-16]!
        add     x1, x19, #number - data + 24
        strb    wzr, [x1]
        mov     x2, #10
1:      udiv    x3, x0, x2
        msub    x4, x3, x2, x0
        add     x4, x4, #'0'
        strb    w4, [x1, #-1]!
        mov     x0, x3
        cbnz    x0, 1b
        mov     x0, x1
        bl      puts
        ldp     x29, x30, [sp], #16
        ret

        .ltorg
t_dev:          .asciz "/dev/kvm"
t_title:        .asciz "The 2023 dpISA extensions, as KVM shows them to a VM\n\n"
t_api:          .asciz "/dev/kvm answers: KVM API version "
t_vm1:          .asciz "A VM with one vCPU has "
t_regs:         .asciz " registers in KVM_GET_REG_LIST.\n"
t_eq:           .asciz " = "
t_writable:     .asciz "   a VMM may change "
t_indent:       .asciz "    "
t_newline:      .asciz "\n"
t_fixed:        .asciz "   not there\n"
t_only:         .asciz "   there, fixed\n"
t_lower:        .asciz "   there, a VMM may take it away\n"
t_fpmr:         .asciz "FPMR is a register of this VM: reset value "
t_fpmr_set:     .asciz ",\n  written by KVM_SET_ONE_REG and read back: "
t_cpa_refused:  .asciz "ID_AA64ISAR3_EL1.CPA = 1: EINVAL. KVM hides CPA, so nobody may ask for it.\n"
t_cpa_taken:    .asciz "ID_AA64ISAR3_EL1.CPA = 1 was not refused as expected.\n"
t_vm2:          .asciz "\nA second VM, with ID_AA64PFR2_EL1.FPMR set to 0, has "
t_gone:         .asciz "FPMR is not in its list,"
t_listed:       .asciz "FPMR is still in its list,"
t_enoent:       .asciz " and KVM_GET_ONE_REG(FPMR) answers ENOENT:\nwhat the ID register does not show, does not exist.\n"
t_answers:      .asciz " and KVM_GET_ONE_REG(FPMR) does not answer ENOENT.\n"
t_no_fpmr:      .asciz "This host CPU has no FPMR, so its VMs have none. Try: hypatia exec --cpu max ...\n"
t_no_kvm:       .asciz "/dev/kvm cannot be opened: errno "
t_failed:       .asciz "KVM refused a call that should work.\n"

n_pfr2:         .asciz "ID_AA64PFR2_EL1 "
n_fpfr0:        .asciz "ID_AA64FPFR0_EL1"
n_isar3:        .asciz "ID_AA64ISAR3_EL1"
n_isar2:        .asciz "ID_AA64ISAR2_EL1"
f_fpmr:         .asciz "FPMR      "
f_mtefar:       .asciz "MTEFAR    "
f_storeonly:    .asciz "MTESTOREONLY "
f_mteperm:      .asciz "MTEPERM   "
f_f8cvt:        .asciz "F8CVT     "
f_f8fma:        .asciz "F8FMA     "
f_f8dp4:        .asciz "F8DP4     "
f_f8dp2:        .asciz "F8DP2     "
f_e4m3:         .asciz "F8E4M3    "
f_e5m2:         .asciz "F8E5M2    "
f_cpa:          .asciz "CPA       "
f_faminmax:     .asciz "FAMINMAX  "
f_tlbiw:        .asciz "TLBIW     "
f_pacm:         .asciz "PACM      "
f_lut:          .asciz "LUT       "

        .balign 8
t_registers:
        .quad   REG_PFR2, n_pfr2
        .quad   f_fpmr
        .word   32, 4
        .quad   f_mtefar
        .word   8, 4
        .quad   f_storeonly
        .word   4, 4
        .quad   f_mteperm
        .word   0, 4
        .quad   0
        .quad   REG_FPFR0, n_fpfr0
        .quad   f_f8cvt
        .word   31, 1
        .quad   f_f8fma
        .word   30, 1
        .quad   f_f8dp4
        .word   29, 1
        .quad   f_f8dp2
        .word   28, 1
        .quad   f_e4m3
        .word   1, 1
        .quad   f_e5m2
        .word   0, 1
        .quad   0
        .quad   REG_ISAR3, n_isar3
        .quad   f_cpa
        .word   0, 4
        .quad   f_faminmax
        .word   4, 4
        .quad   f_tlbiw
        .word   8, 4
        .quad   f_pacm
        .word   12, 4
        .quad   0
        .quad   REG_ISAR2, n_isar2
        .quad   f_lut
        .word   56, 4
        .quad   0
        .quad   0

        .data
data:
number:         .skip 32
one_reg:        .skip 16
reg_value:      .skip 8
mask_range:     .skip 64
vcpu_init:      .skip 32
kvm_fd:         .skip 4
vm_fd:          .skip 4
vcpu_fd:        .skip 4
                .skip 4
region:         .quad 0, GUEST, 4096, 0
masks:          .skip 192 * 8
list:           .skip 8 + 1024 * 8
                .balign 4096
guest_page:     .skip 4096
