/**
 * A handler for `webtransport_handler`: sends back whatever a client sends. Sessions are those of
 * @fails-components/webtransport, much like a browser's; each of the parts below goes on until its session ends.
 */
export async function handle(session) {
  await Promise.all([echoBidirectional(session), echoUnidirectional(session), echoDatagrams(session)]);
}

async function echoBidirectional(session) {
  for await (const { readable, writable } of session.incomingBidirectionalStreams) {
    readable.pipeTo(writable).catch(ignoreEnd);
  }
}

/** What comes on a stream goes back on one of our own. */
async function echoUnidirectional(session) {
  for await (const readable of session.incomingUnidirectionalStreams) {
    const writable = await session.createUnidirectionalStream();
    readable.pipeTo(writable).catch(ignoreEnd);
  }
}

async function echoDatagrams({ datagrams }) {
  const writer = datagrams.createWritable().getWriter();
  for await (const datagram of datagrams.readable) await writer.write(datagram);
}

/** A client that gives up a stream, or its session, is nothing to be sorry for. */
function ignoreEnd() {}
