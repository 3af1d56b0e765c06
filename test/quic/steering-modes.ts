/** The ways in which the kernel takes packets to workers, as far as this machine has them. */
import type { Test } from 'tap';
import { loadAddon } from '../../src/fstack-binding/addon.ts';

export interface SteeringMode {
  readonly name: string;
  /** For the main context. */
  readonly main: string;
}

export function steeringModes(t: Test): SteeringMode[] {
  const classic = { name: 'by classic BPF', main: 'quic_bpf off;' };
  try {
    loadAddon().createReuseportGroup();
    return [{ name: 'by eBPF', main: 'quic_bpf on;' }, classic];
  } catch (error) {
    t.comment(`bpf() is refused here (${String(error)}): classic BPF alone is tried`);
    return [classic];
  }
}
