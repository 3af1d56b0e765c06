/** What a master tells a worker that it starts, as JSON in an argument. The descriptors go by number: 3 is the Plan, `fds` follow. */
import type { Shift } from '../../fstack-binding/flow-board.ts';
import type { ErrorLogPlan, FdPlan } from '../plan/plan.ts';
import type { UserSettings, WorkerStackSettings } from './settings.ts';

export const PLAN_FD = 3;
export const FIRST_FD = 4;

/** Of a worker's exit: there is no use in starting another one. */
export const EXIT_FATAL = 2;

/** What it writes on its stdout when it is ready: that, or, if it could not come up on F-Stack, this. */
export const READY = '\n';
export const READY_ON_KERNEL = 'k';

export interface WorkerSettings {
  /** From 0. */
  readonly worker: number;
  /** How many there are of its generation. */
  readonly workers: number;
  readonly fds: readonly FdPlan[];
  /** The main level's. */
  readonly errorLog: ErrorLogPlan;
  /** Whether there is an `ssl_session_store`. */
  readonly sharesSessions: boolean;
  /** Whether there is a `webtransport_handler`. */
  readonly servesWebTransport: boolean;
  /** Absent when the master isn't root. */
  readonly user?: UserSettings;
  readonly cpus?: readonly number[];
  readonly rlimitNofile?: number;
  readonly rlimitCore?: number;
  readonly priority?: number;
  readonly workingDirectory?: string;
  /** Whether certificates come on stdin. */
  readonly watchesCertificates?: boolean;
  /** The stack in user space to come up on; absent: the kernel's. */
  readonly stack?: WorkerStackSettings;
  /** Its place among others on F-Stack: see FlowBoard. The memory's descriptor goes by number, too. */
  readonly crew?: { readonly fd: number; readonly shift: Shift };
  /** Sockets that wait for a worker on the kernel's stack to listen: positions in `fds`, and their backlogs. */
  readonly unheard?: readonly { readonly fd: number; readonly backlog: number }[];
}
