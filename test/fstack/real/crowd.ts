/** As many connections at once as the third argument says, two requests on each. Prints how many answers were right. */
import { connect } from 'node:net';

const [host = '', port = '', count = ''] = process.argv.slice(2);
const REQUEST = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

function ask(): Promise<number> {
  return new Promise((resolve) => {
    let text = '';
    let answers = 0;
    const socket = connect(Number(port), host);
    const end = (): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(15_000, end);
    socket.on('error', end).on('end', end);
    socket.on('data', (data) => {
      text += data;
      if (!text.endsWith('served')) return;
      text = '';
      if (++answers === 2) end();
      else setTimeout(() => socket.write(REQUEST), 500);
    });
    socket.write(REQUEST);
  });
}

const answers = await Promise.all(Array.from({ length: Number(count) }, ask));
process.stdout.write(`${answers.reduce((sum, each) => sum + each, 0)}\n`);
