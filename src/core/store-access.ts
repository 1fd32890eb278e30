// How a store of rules is spoken to: certificates, user and secrets, or where they lie. Nothing is read here.

/** Where secrets and certificates lie; paths as from the working directory. null: none. */
export interface StoreAccess {
  /** ACL token of Consul. */
  readonly token: Secret | null;
  /** Of etcd. */
  readonly user: string | null;
  readonly password: Secret | null;
  /** PEM files. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export type Secret =
  | { readonly from: "text"; readonly text: string }
  | { readonly from: "file"; readonly file: string };

export const noAccess: StoreAccess = {
  token: null,
  user: null,
  password: null,
  ca: null,
  cert: null,
  key: null,
};
