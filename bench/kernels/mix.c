// CoreMark-like: list sort through a function pointer, list walk, integer matrices, bitwise CRC, a state machine over text.
#include "kernel.h"

struct node { struct node *next; u32 value; };
static struct node nodes[2000];
static int less(const struct node *a, const struct node *b) { return a->value < b->value; }
static struct node *sort(struct node *l, int (*cmp)(const struct node *, const struct node *)) {
  if (!l || !l->next) return l;
  struct node *slow = l, *fast = l->next;
  while (fast && fast->next) slow = slow->next, fast = fast->next->next;
  struct node *b = slow->next, head, *t = &head;
  slow->next = 0;
  struct node *a = sort(l, cmp);
  b = sort(b, cmp);
  while (a && b) {
    if (cmp(b, a)) t->next = b, b = b->next;
    else t->next = a, a = a->next;
    t = t->next;
  }
  t->next = a ? a : b;
  return head.next;
}
static int m1[24][24], m2[24][24], m3[24][24];
static u32 crc16(u32 c, u8 d) {
  for (int i = 0; i < 8; i++, d >>= 1) {
    u32 x = (c ^ d) & 1;
    c >>= 1;
    if (x) c ^= 0xa001;
  }
  return c;
}
static const char text[] = "5012,1.25e3,-874,0x1f,+7.5,abc,99e-2,,-.5,1e,77777";
enum state { START, SIGN, INT, DOT, FRAC, EXP, BAD };
static u32 scan(void) {
  u32 seen[7] = {0};
  enum state s = START;
  for (const char *p = text; *p; p++) {
    char c = *p;
    if (c == ',') { seen[s]++; s = START; continue; }
    int digit = c >= '0' && c <= '9';
    switch (s) {
      case START: s = digit ? INT : c == '+' || c == '-' ? SIGN : c == '.' ? DOT : BAD; break;
      case SIGN: s = digit ? INT : c == '.' ? DOT : BAD; break;
      case INT: s = digit ? INT : c == '.' ? DOT : c == 'e' ? EXP : BAD; break;
      case DOT: s = digit ? FRAC : BAD; break;
      case FRAC: s = digit ? FRAC : c == 'e' ? EXP : BAD; break;
      case EXP: s = digit || c == '-' ? EXP : BAD; break;
      case BAD: break;
    }
  }
  u32 sum = s;
  for (int i = 0; i < 7; i++) sum = sum * 9 + seen[i];
  return sum;
}
u64 run(void) {
  u64 sum = 0;
  seed = 12345;
  for (int round = 0; round < 110; round++) {
    for (int i = 0; i < 2000; i++) nodes[i].value = rnd() >> 8, nodes[i].next = i < 1999 ? &nodes[i + 1] : 0;
    for (struct node *l = sort(nodes, less); l; l = l->next) sum = sum * 31 + l->value;
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) m1[i][j] = rnd() & 255, m2[i][j] = rnd() & 255;
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) {
        int s = 0;
        for (int k = 0; k < 24; k++) s += m1[i][k] * m2[k][j];
        m3[i][j] = s;
      }
    u32 c = 0xffff;
    for (int i = 0; i < 24 * 24; i++) c = crc16(c, ((u8 *)m3)[i * 4]), c = crc16(c, ((u8 *)m3)[i * 4 + 1]);
    for (int i = 0; i < 200; i++) sum += scan();
    sum += c;
  }
  return sum;
}
