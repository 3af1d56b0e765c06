/** An upstream among the clients: `/big` is a MiB, everything else tells how much came and from whom. Prints a line when it listens. */
import { createServer } from 'node:http';

const [host = '', port = ''] = process.argv.slice(2);
const BIG = Buffer.alloc(1024 * 1024, 'z');

createServer((request, response) => {
  let size = 0;
  request.on('data', (data: Buffer) => {
    size += data.length;
  });
  request.on('end', () => {
    response.end(request.url === '/big' ? BIG : `${size} bytes from ${request.socket.remoteAddress}`);
  });
}).listen(Number(port), host, () => process.stdout.write('listening\n'));
