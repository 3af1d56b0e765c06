/** Where every start begins; each job's code is loaded only for that job. */
import { type CommandLine, CommandLineError, parseCommandLine } from './command-line.ts';

async function main(): Promise<number | undefined> {
  const options = readCommandLine();
  if (!options) return 1;
  if (options.show) {
    const { versionText } = await import('./show-version.ts');
    process.stderr.write(versionText(options.show));
    if (!options.test) return 0;
  }
  if (options.test) {
    const { testConfiguration } = await import('./test-configuration.ts');
    return testConfiguration(options);
  }
  if (options.signal) {
    const { sendSignal } = await import('./send-signal.ts');
    return sendSignal(options, options.signal);
  }
  const { runMaster } = await import('./cluster/start.ts');
  await runMaster(options);
  return undefined;
}

function readCommandLine(): CommandLine | undefined {
  try {
    return parseCommandLine(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    process.stderr.write(`nginx: ${error.message}\n`);
    return undefined;
  }
}

// a master or a daemon's parent decides itself when it ends
const code = await main();
if (code !== undefined) process.exitCode = code;
