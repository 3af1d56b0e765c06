/** What is used of node-forge, which brings no types: https://github.com/digitalbazaar/forge#x509 */
declare module 'node-forge' {
  interface PublicKey {
    readonly kind: 'public';
  }
  interface PrivateKey {
    readonly kind: 'private';
  }
  interface Certificate {
    publicKey: PublicKey;
    serialNumber: string;
    readonly validity: { notBefore: Date; notAfter: Date };
    setSubject(attributes: readonly { name: string; value: string }[]): void;
    setIssuer(attributes: readonly { name: string; value: string }[]): void;
    setExtensions(extensions: readonly Record<string, unknown>[]): void;
    sign(key: PrivateKey, digest: unknown): void;
  }
  const forge: {
    readonly pki: {
      createCertificate(): Certificate;
      publicKeyFromPem(pem: string): PublicKey;
      privateKeyFromPem(pem: string): PrivateKey;
      certificateToPem(certificate: Certificate): string;
    };
    readonly md: { readonly sha256: { create(): unknown } };
  };
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has nothing else
  export default forge;
}
