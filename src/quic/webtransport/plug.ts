/** Loads @fails-components/webtransport with our transport in the place of the one that it looks for. */
import { registerHooks } from 'node:module';
import { extname } from 'node:path';

const EXPECTED = '@fails-components/webtransport-transport-http3-quiche';
/** Built files have another ending than their sources. */
const OURS = new URL(`./transport${extname(import.meta.filename)}`, import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === EXPECTED ? { url: OURS, shortCircuit: true } : next(specifier, context),
});

export const library = await import('@fails-components/webtransport');
await library.quicheLoaded;
