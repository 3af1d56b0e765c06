import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

const VERSION = 1;
const KEY_ID_SIZE = 4;
const SALT_SIZE = 16;
const TAG_SIZE = 16;
const SALT_AT = 1 + KEY_ID_SIZE;
const TAG_AT = SALT_AT + SALT_SIZE;
const HEAD_SIZE = TAG_AT + TAG_SIZE;
const CIPHER = 'aes-256-gcm';
/** Every entry has a key of its own, made from its salt, so that no number of entries wears the key out. */
const NONCE = Buffer.alloc(12);

interface SealKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/**
 * Seals what lies where others can read or change it: AES-256-GCM, bound to a context. Of several keys the first
 * one seals and all of them open, so that a key can be replaced while entries under the one before are in use.
 *
 * An entry: version, key id, salt, tag, ciphertext.
 */
export class Seal {
  readonly #keys: readonly SealKey[];

  /** 32 bytes each. */
  constructor(keys: readonly Buffer[]) {
    this.#keys = keys.map((key) => ({
      key,
      id: createHash('sha256').update('sluice key id').update(key).digest().subarray(0, KEY_ID_SIZE),
    }));
  }

  close(plain: Buffer, context: string): Buffer {
    const [{ id, key }] = this.#keys as [SealKey];
    const salt = randomBytes(SALT_SIZE);
    const cipher = createCipheriv(CIPHER, entryKey(key, salt), NONCE).setAAD(Buffer.from(context, 'latin1'));
    const text = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), id, salt, cipher.getAuthTag(), text]);
  }

  /** Undefined when it isn't one of ours, was made for another context, or was changed. */
  open(entry: Buffer, context: string): Buffer | undefined {
    if (entry.length < HEAD_SIZE || entry[0] !== VERSION) return undefined;
    const id = entry.subarray(1, SALT_AT);
    const salt = entry.subarray(SALT_AT, TAG_AT);
    const tag = entry.subarray(TAG_AT, HEAD_SIZE);
    for (const { key, id: known } of this.#keys) {
      if (!known.equals(id)) continue;
      const decipher = createDecipheriv(CIPHER, entryKey(key, salt), NONCE, { authTagLength: TAG_SIZE });
      decipher.setAAD(Buffer.from(context, 'latin1')).setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(entry.subarray(HEAD_SIZE)), decipher.final()]);
      } catch {
        // another key with the same id, or no good at all
      }
    }
    return undefined;
  }
}

function entryKey(key: Buffer, salt: Buffer): Buffer {
  return createHmac('sha256', key).update('sluice entry').update(salt).digest();
}
