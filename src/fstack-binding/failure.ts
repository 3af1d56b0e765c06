/** Why F-Stack didn't start, from what it printed, and what to do about it. */

export interface StartFailure {
  readonly reason: string;
  readonly remedy: string;
}

/** What remedies are called where they are set. */
export interface Terms {
  readonly noHuge: string;
  readonly device: string;
  readonly ini: string;
  readonly starter: string;
}

export const DIRECTIVES: Terms = {
  noHuge: '"fstack on no_huge"',
  device: '"fstack_device"',
  ini: 'the file that "fstack_conf" names',
  starter: 'the master',
};

interface Symptom {
  /** In what F-Stack or DPDK printed. */
  readonly sign: RegExp;
  readonly remedy: (terms: Terms) => string;
  /** Who isn't root meets it for that reason, whatever DPDK says of it. */
  readonly ofRights?: true;
}

function asRoot({ starter }: Terms): string {
  return `start ${starter} as root: devices and hugepages need it`;
}

/** The first one that fits counts: causes before consequences. */
const SYMPTOMS: readonly Symptom[] = [
  {
    sign: /cannot open shared object file|undefined symbol|another version of Sluice/i,
    remedy: () => 'build again where F-Stack and DPDK are (docs/fstack.md)',
  },
  {
    sign: /permission denied|operation not permitted|not.*root/i,
    remedy: asRoot,
  },
  {
    sign: /hugepage|hugetlb|cannot (?:init|get|allocate) .*memory|no free .*memory|not enough memory/i,
    remedy: ({ noHuge }) =>
      `reserve hugepages ("sysctl vm.nr_hugepages=512"), or allow to go without: ${noHuge}`,
  },
  {
    sign: /no such device|failed to (?:create|probe|initiali[sz]e) .*(?:device|vdev)|ioctl failed.*SIOCGIFINDEX|rte_eth_dev_count|no (?:probed )?ethernet/i,
    remedy: ({ device }) => `bind a NIC to a driver of DPDK, or name a virtual device: ${device}`,
    ofRights: true,
  },
  {
    sign: /lcore \d+ (?:is )?unavailable|invalid core ?mask/i,
    remedy: () => 'let "lcore_mask" name CPUs that this machine has',
  },
  {
    sign: /cannot create lock|another primary|already in use/i,
    remedy: () => 'another process has the device: end it, or choose another "file_prefix"',
  },
  {
    sign: /if config error|parse .* failed|param num_procs/i,
    remedy: ({ ini }) => `correct ${ini}`,
  },
];

/** All that DPDK could be told, after an argument that it doesn't like. */
const USAGE = /^Usage:.*\n(?:(?!EAL: ).*\n)*/m;
const UNKNOWN = 'see "docs/fstack.md"';

/** `root`: whether it was tried with root's rights. */
export function explainFailure(output: string, root: boolean, terms = DIRECTIVES): StartFailure {
  const lines = output
    .replace(USAGE, '')
    .split('\n')
    .map((line) => line.replace(/^(?:EAL|ETHDEV|PMD|VHOST_\w+|MBUF|MEMPOOL): /, '').trim())
    .filter((line) => line !== '');
  for (const { sign, remedy, ofRights } of SYMPTOMS) {
    const reason = lines.find((line) => sign.test(line));
    if (reason !== undefined)
      return { reason: clean(reason), remedy: (ofRights && !root ? asRoot : remedy)(terms) };
  }
  return { reason: clean(lines.at(-1) ?? 'it ended without a word'), remedy: root ? UNKNOWN : asRoot(terms) };
}

/** DPDK writes of an error where it is and where it came from; one line of the log is for the cause. */
function clean(line: string): string {
  return line.replace(/^(?:FATAL|Error)[:\s-]+/i, '').replace(/[.:]\s*$/, '');
}
