/** As much of https://www.npmjs.com/package/impit as the tests use. */
declare module 'impit' {
  export class Impit {
    constructor(options: { readonly ignoreTlsErrors: boolean; readonly http3: boolean });
    fetch(
      url: string,
      options: { readonly method?: string; readonly body?: string; readonly forceHttp3: boolean },
    ): Promise<{
      readonly status: number;
      readonly headers: Headers;
      bytes(): Promise<Uint8Array>;
      text(): Promise<string>;
    }>;
  }
}
