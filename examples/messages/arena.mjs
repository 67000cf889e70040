// The two ends of the arena protocol (see arena.protocol.yaml), with nothing but Node:
//   node arena.mjs serve NAME:PORT…           servers that answer every request with their name
//   node arena.mjs ask PORT MSGID COUNT       asks and counts who answered
import { connect, createServer } from 'node:net'

const HEAD = 24

function frame({ kind, flags = 0, msgid, seq, player = 0n, body = '' }) {
  const text = Buffer.from(body)
  const bytes = Buffer.alloc(HEAD + text.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.write('AR', 4, 'latin1')
  bytes[6] = kind
  bytes[7] = flags
  bytes.writeUInt32BE(msgid, 8)
  bytes.writeUInt32BE(seq, 12)
  bytes.writeBigUInt64BE(player, 16)
  text.copy(bytes, HEAD)
  return bytes
}

/** Calls back with every whole frame of a connection. */
function onFrames(socket, take) {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= HEAD && rest.length >= rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0)
      take(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  })
}

const [, , what, ...args] = process.argv
if (what === 'serve') {
  for (const text of args) {
    const [name, port] = text.split(':')
    createServer((socket) => {
      socket.on('error', () => socket.destroy())
      onFrames(socket, (asked) => {
        const [msgid, seq] = [asked.readUInt32BE(8), asked.readUInt32BE(12)]
        socket.write(frame({ kind: 2, msgid, seq, player: asked.readBigUInt64BE(16), body: name }))
      })
    }).listen(Number(port), '127.0.0.1')
  }
} else if (what === 'ask') {
  const [port, msgid, count] = args.map(Number)
  const counts = {}
  let answered = 0
  const socket = connect(port, '127.0.0.1')
  socket.on('error', (error) => {
    console.error(error.message)
    process.exitCode = 1
  })
  onFrames(socket, (answer) => {
    const failed = (answer[7] & 0x80) !== 0
    const who = failed ? `error ${answer.readUInt32BE(HEAD)}` : answer.subarray(HEAD).toString()
    counts[who] = (counts[who] ?? 0) + 1
    if (++answered === count) {
      console.log(JSON.stringify(counts))
      socket.end()
    }
  })
  for (let seq = 1; seq <= count; seq++) socket.write(frame({ kind: 1, msgid, seq, player: BigInt(seq) }))
} else {
  console.error('usage: node arena.mjs serve NAME:PORT… | ask PORT MSGID COUNT')
  process.exitCode = 2
}
