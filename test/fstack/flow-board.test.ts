import t from 'tap';
import { loadAddon } from '../../src/fstack-binding/addon.ts';
import { type Crew, FlowBoard } from '../../src/fstack-binding/flow-board.ts';
import { Crews, NoPlace } from '../../src/proxy/cluster/crews.ts';
import type { WorkerStackSettings } from '../../src/proxy/cluster/settings.ts';

const addon = loadAddon();

function stack(exclusive: boolean): WorkerStackSettings {
  const settings = {
    library: '',
    name: '',
    ini: '',
    addresses: [],
    required: false,
    devices: [],
    noHuge: false,
  };
  return { ...settings, exclusive };
}

t.test('a shift is free again when it is released, and there are four', async (t) => {
  const board = FlowBoard.create(addon, true);
  t.teardown(() => board.close());
  t.strictSame(
    [1, 2, 3, 4].map(() => board.claim(1)),
    [0, 1, 2, 3],
  );
  t.equal(board.claim(1), undefined);
  board.release(2);
  t.equal(board.claim(1), 2);
});

t.test('another process sees the same, one of another version nothing', async (t) => {
  const board = FlowBoard.create(addon, true);
  t.teardown(() => board.close());
  const shift = board.claim(2) ?? 0;
  const seen = FlowBoard.adopt(board.fd);
  t.strictSame(seen?.mannedShifts(), []);
  board.arrived(shift, 1);
  t.strictSame(seen?.mannedShifts(), [shift]);
  seen?.wentElsewhere(shift, 1);
  board.arrived(shift, 1);
  t.strictSame(board.mannedShifts(), [], 'it is on the kernel');
  board.left(shift, 1);
  t.equal(FlowBoard.adopt(addon.sharedMemory('other', 4096)), undefined);
});

t.test('where only one can have the device there is one shift, with all ports', async (t) => {
  const board = FlowBoard.create(addon, false);
  t.teardown(() => board.close());
  t.equal(board.claim(2), 0);
  t.equal(board.claim(2), undefined);
  t.strictSame(board.ports(0, 1, 2), { first: 37_768, last: 65_535 });
});

t.test('crews: a place for each, until its workers have ended', async (t) => {
  const crews = new Crews(addon);
  const mustered = [1, 2, 3, 4].map(() => crews.muster(stack(true), 1));
  t.throws(
    () => crews.muster(stack(true), 1),
    new NoPlace('too many generations of workers have not ended yet'),
  );
  crews.disbandAllBut(mustered.slice(1));
  t.equal(crews.muster(stack(true), 1).shift, 0);
  const other = crews.muster(stack(false), 1);
  t.not(other.board, mustered[0]?.board, 'devices of another kind have another board');
  t.equal(crews.board, undefined, 'and none that a new binary could use');
  crews.disbandAllBut([]);
});

t.test('crews: workers that end give back to another binary', async (t) => {
  const crews = new Crews(addon);
  const crew: Crew = crews.muster(stack(true), 1);
  const others = crew.board.claim(1) ?? 0;
  crew.board.arrived(others, 0);
  crew.board.arrived(crew.shift, 0);
  crew.board.serve(crew.shift);
  t.equal(crews.serving, 'ours');
  crews.handBack();
  t.equal(crew.board.serving, others);
  t.equal(crews.serving, 'others');
  const third = crew.board.claim(1) ?? 0;
  crew.board.arrived(third, 0);
  crews.handBack();
  t.equal(crew.board.serving, others, 'they have it already');
  crews.forgetOthers();
  t.equal(crew.board.claim(1), 3, 'the least recent one first');
});
