/** A Sluice that passes everything on to scripted origins. */
import { freePort } from '../support/free-port.ts';
import type { Origin } from '../support/origin.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Cleanup, Sluice, type SluiceOptions } from '../support/sluice.ts';

export interface Proxying {
  readonly sluice: Sluice;
  readonly port: number;
  /** A connection that goes with the test. */
  client(): RawClient;
  /** Waits for the one answer to what is sent on a connection of its own. */
  exchange(request: string): ReturnType<RawClient['response']>;
}

export interface ProxyingOptions extends Partial<SluiceOptions> {
  readonly events?: string;
  readonly http?: string;
  /** Of the `upstream` block, and of each `server` in it. */
  readonly upstream?: string;
  readonly peer?: string;
  readonly listen?: string;
  readonly server?: string;
  readonly location?: string;
}

export async function proxyTo(
  t: Cleanup,
  origins: readonly (Origin | number)[],
  options: ProxyingOptions = {},
): Promise<Proxying> {
  const {
    events = '',
    http = '',
    upstream = '',
    peer = '',
    listen = '',
    server = '',
    location = '',
  } = options;
  const port = await freePort();
  const peers = origins.map((origin) => {
    const target = typeof origin === 'number' ? origin : origin.port;
    return `server 127.0.0.1:${target} ${peer};`;
  });
  const sluice = new Sluice({
    ...options,
    config: `events { ${events} }
http { access_log off; ${http}
  upstream origins { ${peers.join(' ')} ${upstream} }
  server { listen 127.0.0.1:${port} ${listen}; ${server}
    location / { proxy_pass http://origins; ${location} }
  }
}`,
  });
  t.teardown(() => sluice.remove());
  await sluice.start();
  const client = (): RawClient => {
    const made = new RawClient(port);
    t.teardown(() => made.close());
    return made;
  };
  return { sluice, port, client, exchange: (request) => client().send(request).response() };
}
