// The shape of one feature set in a recording of a real KVM (golden/real-kvm/hosts).

export interface Acceptance {
  readonly value: string;
  readonly accepted: readonly number[];
  readonly errno: readonly number[];
}
export interface Config {
  readonly features: number;
  readonly fails?: { readonly at: string; readonly errno: number };
  readonly registers?: Readonly<Record<string, readonly [string, number?, number?]>>;
  readonly idRegisterAcceptance?: Readonly<Record<string, Acceptance>>;
  readonly idRegisterAbsent?: Readonly<Record<string, number>>;
}
