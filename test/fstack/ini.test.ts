import t from 'tap';
import { loadAddon } from '../../src/fstack-binding/addon.ts';
import { checkIni, lcoresOf, ownAddresses } from '../../src/fstack-binding/check-ini.ts';
import { withDefaults } from '../../src/fstack-binding/devices.ts';
import { explainFailure } from '../../src/fstack-binding/failure.ts';
import { FlowBoard } from '../../src/fstack-binding/flow-board.ts';
import { effectiveIni } from '../../src/fstack-binding/fstack.ts';
import { Ini } from '../../src/fstack-binding/ini.ts';

function ini(text: string): Ini {
  const parsed = Ini.parse(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.ini;
}

const GOOD = `[dpdk]
lcore_mask=1
port_list=0
[port0]
addr=10.0.0.2
netmask=255.255.255.0
broadcast=10.0.0.255
gateway=10.0.0.1
`;

const ONE_WORKER = { workers: 1, noHuge: false, devices: [] };

function problems(text: string, expected = {}): string[] {
  return checkIni(ini(text), { ...ONE_WORKER, ...expected }).map(
    ({ message, line }) => message + (line === undefined ? '' : `:${line}`),
  );
}

t.test('an ini is read as F-Stack reads it', async (t) => {
  const read = ini(
    '# a comment\n[dpdk]\n lcore_mask = 0xff ; all of them\nport_list:0\n\n; none\n[port0]\naddr=::1\n',
  );
  t.strictSame(
    read.entries.map(({ section, name, value, line }) => [section, name, value, line]),
    [
      ['dpdk', 'lcore_mask', '0xff', 3],
      ['dpdk', 'port_list', '0', 4],
      ['port0', 'addr', '::1', 8],
    ],
  );
});

t.test('of two lines that say the same the last one counts', async (t) => {
  t.equal(ini('[dpdk]\nmemory=1\nmemory=2\n').value('dpdk', 'memory'), '2');
});

t.test('what is neither section nor assignment is refused with its line', async (t) => {
  t.strictSame(Ini.parse('[dpdk]\n\nlcore_mask\n'), {
    error: 'unexpected "lcore_mask", expecting "name=value"',
    line: 3,
  });
  t.match(Ini.parse('[dpdk\n'), { error: 'unexpected "[dpdk", expecting "[section]"', line: 1 });
});

t.test('a file in order has no problems', async (t) => {
  t.strictSame(problems(GOOD), []);
  t.strictSame(problems(GOOD.replace('lcore_mask=1', 'lcore_mask=0x6'), { workers: 2 }), []);
});

t.test('the lcore mask must name an lcore for each worker', async (t) => {
  t.strictSame(lcoresOf('0x15'), [0, 2, 4]);
  t.equal(lcoresOf('all'), undefined);
  t.strictSame(problems(GOOD, { workers: 2 }), [
    '"lcore_mask" value "1" has 1 lcores for 2 "worker_processes": each worker has one:2',
  ]);
  t.strictSame(problems(GOOD.replace('lcore_mask=1', 'lcore_mask=0')), ['invalid "lcore_mask" value "0":2']);
  t.strictSame(problems(GOOD.replace('lcore_mask=1\n', '')), ['no "lcore_mask" in section [dpdk]']);
});

t.test('each port must have its addresses', async (t) => {
  t.strictSame(problems(GOOD.replace('gateway=10.0.0.1\n', '')), ['no "gateway" in section [port0]']);
  t.strictSame(problems(GOOD.replace('addr=10.0.0.2', 'addr=10.0.0')), ['invalid "addr" address "10.0.0":5']);
  t.strictSame(problems(GOOD.replace('port_list=0', 'port_list=0-1')).length, 4);
  t.strictSame(problems(GOOD.replace('port_list=0', 'port_list=x')), ['invalid "port_list" value "x":3']);
  t.strictSame(problems(GOOD.replace('port_list=0\n', '')), ['no "port_list" in section [dpdk]']);
  t.strictSame(problems(`${GOOD}addr6=10.0.0.2\n`), ['invalid "addr6" address "10.0.0.2":9']);
});

t.test('several workers share hugepages and a device with queues', async (t) => {
  const two = GOOD.replace('lcore_mask=1', 'lcore_mask=3');
  t.match(problems(`${two}[dpdk]\nno_huge=1\n`, { workers: 2 }), [/several workers share hugepages.*:10$/]);
  t.match(problems(two, { workers: 2, noHuge: true }), [/"no_huge" of "fstack" is for one worker/]);
  t.match(problems(two, { workers: 2, devices: ['net_af_xdp0,iface=eth1'] }), [/cannot share the device/]);
  const own = { workers: 2, noHuge: true, devices: ['net_af_packet0,iface=eth1'] };
  t.strictSame(problems(two, own), [], 'each has memory and device for itself');
  t.strictSame(problems(two, { workers: 2, devices: ['net_tap0,iface=tap0'] }), []);
});

t.test('numbers must be numbers', async (t) => {
  t.strictSame(problems(GOOD.replace('port_list', 'memory=1g\nport_list')), [
    'invalid "memory" value "1g":3',
  ]);
  t.strictSame(problems(`${GOOD}[freebsd.boot]\nhz=0\n`), ['invalid "hz" value "0":10']);
});

t.test('the addresses are those of ports and vlans, further ones included', async (t) => {
  const text = `${GOOD}addr6=fd00::2\nvip_addr=10.0.0.3;10.0.0.4\n[vlan5]\naddr=10.5.0.2\n`;
  t.strictSame(ownAddresses(ini(text)), ['10.0.0.2', 'fd00::2', '10.5.0.2', '10.0.0.3', '10.0.0.4']);
});

t.test('what is ours to say replaces what the file says, and comes before the ports', async (t) => {
  const settings = { library: '', worker: 0, workers: 1, noHuge: false, devices: ['net_tap0,iface=x'] };
  const effective = effectiveIni({ ...settings, ini: ini(`${GOOD}[dpdk]\nidle_sleep=50\n`) });
  t.equal(effective.value('dpdk', 'idle_sleep'), '0', 'the worker sleeps, not F-Stack');
  t.equal(effective.value('dpdk', 'allow'), '0000:00:00.0', 'real devices are left alone');
  t.equal(effective.value('dpdk', 'lcore_mask'), '1');
  const text = effective.toString();
  t.ok(text.indexOf('[port0]') > text.lastIndexOf('[dpdk]'));
  t.strictSame(ini(text).value('port0', 'addr'), '10.0.0.2');
});

t.test('a worker that has the device for itself is a program of its own for DPDK', async (t) => {
  const board = FlowBoard.create(loadAddon(), true);
  t.teardown(() => board.close());
  const crew = { board, shift: 1 };
  const devices = ['net_af_packet0,iface=eth1'];
  const text = GOOD.replace('lcore_mask=1', 'lcore_mask=24');
  const effective = effectiveIni({
    library: '',
    worker: 1,
    workers: 2,
    noHuge: false,
    devices,
    crew,
    ini: ini(text),
  });
  t.equal(effective.value('dpdk', 'lcore_mask'), '20', 'the second of its lcores');
  t.equal(effective.value('dpdk', 'file_prefix'), 'sluice-1-1');
  t.equal(effective.value('freebsd.sysctl', 'net.inet.ip.portrange.first'), `${10_000 + 13_884 + 6942}`);
  t.equal(effective.value('freebsd.sysctl', 'net.inet.ip.portrange.last'), `${10_000 + 2 * 13_884 - 1}`);
});

t.test('a reason and a remedy are found in what F-Stack printed', async (t) => {
  const explained = (output: string, root = true): string => {
    const { reason, remedy } = explainFailure(output, root);
    return `${reason}; ${remedy}`;
  };
  t.match(
    explained(
      'f-stack -c1 -n4\nEAL: No free 2048 kB hugepages reported on node 0\nEAL: FATAL: Cannot get hugepage information.\n',
    ),
    /^No free 2048 kB hugepages reported on node 0; reserve hugepages .*no_huge/,
  );
  t.match(
    explained("EAL: Cannot create lock on '/var/run/dpdk/x/config'. Is another primary process running?\n"),
    /^Cannot create lock.*; another process has the device/,
  );
  t.match(
    explained('init_af_packet_dev(): ioctl failed (SIOCGIFINDEX)\nEAL: Permission denied\n'),
    /start the master as root/,
  );
  const device = 'vdev_probe(): failed to initialize net_af_packet0 device\n';
  t.match(explained(device), /^vdev_probe.*; bind a NIC .* or name a virtual device/);
  t.match(explained(device, false), /^vdev_probe.*; start the master as root/);
  t.match(explained('port0 if config error: no addr\n', false), /correct the file that "fstack_conf" names/);
  t.match(
    explained(
      '[dpdk]: lcore_mask=100\nEAL: Detected CPU lcores: 2\nEAL: lcore 8 unavailable\n\nUsage: f-stack [options]\n' +
        "  --huge-unlink  When to unlink files in hugetlbfs\n  --root\nEAL: FATAL: Invalid 'command line' arguments.\n",
    ),
    /^lcore 8 unavailable; let "lcore_mask" name CPUs/,
  );
  t.match(explained('something else.\n'), /^something else; see/);
  t.match(explained(''), /^it ended without a word/);
});

t.test('a ring of packets is large enough for acknowledgments that come while a worker sends', async (t) => {
  t.equal(withDefaults('net_af_packet0,iface=eth1'), 'net_af_packet0,iface=eth1,framecnt=4096');
  t.equal(withDefaults('net_af_packet0,iface=eth1,framecnt=64'), 'net_af_packet0,iface=eth1,framecnt=64');
  t.equal(withDefaults('net_tap0,iface=tap0'), 'net_tap0,iface=tap0');
});
