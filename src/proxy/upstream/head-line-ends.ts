import { Transform, type TransformCallback } from 'node:stream';

const CR = 0x0d;
const LF = 0x0a;

/** Ends each line of a message's head with CR LF, also where only LF has come; all behind the head stays as it is. */
export class HeadLineEnds extends Transform {
  #inHead = true;
  #last = 0;
  /** Bytes of the line in progress. */
  #length = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let begin = 0;
    for (let i = 0; this.#inHead && i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === LF) {
        if (this.#last !== CR) {
          this.push(chunk.subarray(begin, i));
          this.push('\r');
          begin = i;
        }
        this.#inHead = this.#length > 0;
        this.#length = 0;
      } else if (byte !== CR) {
        this.#length++;
      }
      this.#last = byte ?? 0;
    }
    done(null, chunk.subarray(begin));
  }
}
