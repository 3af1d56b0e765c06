/** The worker's entry. Loads next to nothing: its memory is counted, and connections are the data thread's. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type Addon, loadAddon } from '../../fstack-binding/addon.ts';
import type { StartFailure } from '../../fstack-binding/failure.ts';
import { type Crew, FlowBoard } from '../../fstack-binding/flow-board.ts';
import { startFstack } from '../../fstack-binding/fstack.ts';
import { Ini } from '../../fstack-binding/ini.ts';
import type { Sessions as WebTransportSessions } from '../../quic/webtransport/sessions.ts';
import type { SessionStores } from '../../tls/session-store.ts';
import type { OcspQuestions } from '../upstream/ocsp-questions.ts';
import type { NameQuestions } from '../upstream/questions.ts';
import { ErrorLog, sinksOf } from './error-log.ts';
import type { UserSettings, WorkerStackSettings } from './settings.ts';
import { onSignals } from './signals.ts';
import { systemErrorText } from './system-error.ts';
import {
  EXIT_FATAL,
  FIRST_FD,
  PLAN_FD,
  READY,
  READY_ON_KERNEL,
  type WorkerSettings,
} from './worker-settings.ts';

const STDOUT = 1;
const PROCESS_NAME = 'nginx';

const settings: WorkerSettings = JSON.parse(process.argv[2] ?? '');
const addon = loadAddon();
const descriptors = settings.fds.map((_fd, i) => FIRST_FD + i);
const log = new ErrorLog(sinksOf(settings.errorLog, descriptors, addon));

/** Says why and ends; the master does not start another one. */
function fail(level: 'alert' | 'emerg', message: string): never {
  log.write(level, message);
  process.exit(EXIT_FATAL);
}

/** A step that a worker can do without. */
function attempt(what: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    log.write('alert', `${what} failed ${systemErrorText(addon, error)}`);
  }
}

/** A step that it can't. */
function require(what: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    fail('emerg', `${what} failed ${systemErrorText(addon, error)}`);
  }
}

function limitResources(
  { priority, rlimitNofile, rlimitCore, cpus }: WorkerSettings,
  { setResourceLimit, setAffinity }: Addon,
): void {
  if (priority !== undefined) attempt(`setpriority(${priority})`, () => setPriority(priority));
  if (rlimitNofile !== undefined) {
    attempt(`setrlimit(RLIMIT_NOFILE, ${rlimitNofile})`, () => setResourceLimit('nofile', rlimitNofile));
  }
  if (rlimitCore !== undefined)
    attempt(`setrlimit(RLIMIT_CORE, ${rlimitCore})`, () => setResourceLimit('core', rlimitCore));
  if (cpus) attempt('sched_setaffinity()', () => setAffinity(cpus));
}

/** What is loaded with the first need of it. */
const LATER = {
  names: () => import('../upstream/questions.ts'),
  ocsp: () => import('../upstream/ocsp-questions.ts'),
  certificates: () => import('./certificate-news.ts'),
  sessions: () => import('../../tls/session-store.ts'),
  webtransport: () => import('../../quic/webtransport/sessions.ts'),
};

/** A user who may not read the place where we are installed, below /root for one, has to find all of it loaded. */
async function loadWhatUserCannotRead(worker: WorkerSettings): Promise<void> {
  const { user, sharesSessions, servesWebTransport } = worker;
  if (!user || canReadUs(user)) return;
  log.prepare();
  await LATER.names();
  await LATER.ocsp();
  await LATER.certificates();
  if (sharesSessions) await LATER.sessions();
  if (servesWebTransport) await LATER.webtransport();
}

function canReadUs({ uid, gid }: UserSettings): boolean {
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    closeSync(openSync(import.meta.filename, 'r'));
    return true;
  } catch {
    return false;
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

function dropPrivileges({ user }: WorkerSettings): void {
  if (!user) return;
  require(`setgid(${user.gid})`, () => process.setgid?.(user.gid));
  attempt(`initgroups(${user.name}, ${user.gid})`, () => addon.initGroups(user.name, user.gid));
  require(`setuid(${user.uid})`, () => process.setuid?.(user.uid));
}

function setTitle(title: string): void {
  process.title = title;
  addon.setProcessName(PROCESS_NAME);
}

/** The data thread does it, for it has lines that belong into the old files; descriptors keep their numbers. */
function reopenLogs(): void {
  log.write('notice', 'reopening logs');
  addon.reopenLogs();
}

let names: Promise<NameQuestions> | undefined;
let sessions: Promise<SessionStores> | undefined;
let ocsp: Promise<OcspQuestions> | undefined;
let webtransport: Promise<WebTransportSessions> | undefined;

/** Who answers is loaded with the first question. */
async function answer(id: number, kind: string, payload: Buffer): Promise<void> {
  if (kind === 'ocsp') {
    ocsp ??= LATER.ocsp().then((module) => new module.OcspQuestions(addon, log));
    await (await ocsp).ask(id, payload);
    return;
  }
  if (kind === 'webtransport') {
    webtransport ??= LATER.webtransport().then((module) => module.Sessions.start(addon, log));
    (await webtransport).receive(payload);
    return;
  }
  if (kind.startsWith('session ')) {
    sessions ??= LATER.sessions().then((module) => new module.SessionStores(addon, log));
    (await sessions).ask(id, kind, payload);
    return;
  }
  names ??= LATER.names().then((module) => new module.NameQuestions(addon, log));
  (await names).ask(id, kind, payload);
}

let quitting = false;
let readyWord = READY;

/** Finish what is open. */
function quit(): void {
  if (quitting) return;
  quitting = true;
  log.write('notice', 'gracefully shutting down');
  setTitle('nginx: worker process is shutting down');
  addon.quit();
}

function serve(): void {
  try {
    addon.startDataPlane({
      planFd: PLAN_FD,
      descriptors,
      worker: settings.worker,
      onQuestion: (id, kind, payload) => void answer(id, kind, payload),
      onEnd() {
        log.write('notice', 'exiting');
        log.write('notice', 'exit');
        process.exit(0);
      },
    });
  } catch (error) {
    fail('emerg', error instanceof Error ? error.message : String(error));
  }
}

function listenToSignals(): void {
  onSignals(log, {
    SIGQUIT: { action: 'shutting down', handle: quit },
    SIGTERM: { action: 'exiting', handle: addon.stop },
    SIGINT: { action: 'exiting', handle: addon.stop },
    SIGUSR1: { action: 'reopening logs', handle: reopenLogs },
    SIGHUP: { action: 'ignoring', handle: () => undefined },
    SIGUSR2: { action: 'ignoring', handle: () => undefined },
  });
  addon.unblockSignals();
}

/** As root still: devices and hugepages are root's. */
function chooseStack(): void {
  const { stack, worker, unheard } = settings;
  const crew = crewOnBoard();
  const failure = stack && comeUpOn(stack, worker, crew);
  if (stack && !failure) return;
  crew?.board.wentElsewhere(crew.shift, worker);
  if (failure) {
    const why = `F-Stack did not start: ${failure.reason}; ${failure.remedy}`;
    if (stack.required) fail('emerg', why);
    log.write('warn', `${why}; this worker serves on the kernel's network stack`);
  }
  if (!unheard) return;
  readyWord = READY_ON_KERNEL;
  for (const { fd, backlog } of unheard) {
    require(`listen() of descriptor ${FIRST_FD + fd}`, () => addon.listenSocket(FIRST_FD + fd, backlog));
  }
}

function crewOnBoard(): Crew | undefined {
  const board = settings.crew && FlowBoard.adopt(settings.crew.fd);
  return settings.crew && board && { board, shift: settings.crew.shift };
}

function comeUpOn(
  { ini, ...stack }: WorkerStackSettings,
  worker: number,
  crew: Crew | undefined,
): StartFailure | undefined {
  const parsed = Ini.parse(ini);
  if ('error' in parsed) return { reason: parsed.error, remedy: `correct ${stack.name}` };
  const place = { worker, workers: settings.workers, ...(crew && { crew }) };
  return startFstack(addon, { ...stack, ini: parsed.ini, ...place });
}

/** The master waits for a byte on our stdout; from then on stdout leads nowhere. */
function sayReady(): void {
  attempt('write()', () => writeSync(STDOUT, readyWord));
  const nowhere = openSync('/dev/null', 'w');
  addon.duplicateTo(nowhere, STDOUT);
  closeSync(nowhere);
}

process.umask(0);
limitResources(settings, addon);
chooseStack();
await loadWhatUserCannotRead(settings);
dropPrivileges(settings);
attempt('prctl(PR_SET_DUMPABLE)', addon.allowCoreDump);
if (settings.workingDirectory !== undefined) {
  const directory = settings.workingDirectory;
  require(`chdir("${directory}")`, () => process.chdir(directory));
}
listenToSignals();
serve();
if (settings.watchesCertificates) {
  const { onCertificateNews } = await LATER.certificates();
  onCertificateNews((news) => addon.tell('certificates', news));
}
setTitle('nginx: worker process');
sayReady();
