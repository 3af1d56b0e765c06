/** `make-certificate FOLDER NAME…`: a self-signed certificate.pem and its key.pem for a year. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSelfSigned } from './self-signed.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;

const [folder = '.', ...names] = process.argv.slice(2);
const { certificate, key } = makeSelfSigned(names, new Date(), new Date(Date.now() + YEAR_MS));
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
writeFileSync(join(folder, 'certificate.pem'), certificate);
