/** A protocol of lines, "VERB symbol\n", which no layout can say: a codec in code, as a user writes one. */

const LF = 10
const SPACE = 32
const MAX_FRAME = 256
const fields = ['verb', 'symbol'].map((name, slot) => ({ name, slot, type: 'string', signed: false, writable: false }))

function read(slot, buf, at, length, out) {
  let start = at
  const end = at + length - 1
  for (let word = 0; ; word++) {
    const space = buf.indexOf(SPACE, start)
    const stop = space < 0 || space > end ? end : space
    if (word === slot) {
      out.start = start
      out.end = stop
      return stop > start
    }
    if (stop === end) return false
    start = stop + 1
  }
}

/** @type {import('meshgate/codecs').Codec} */
export const codec = {
  name: 'quotes',
  headerMin: 1,
  maxFrame: MAX_FRAME,
  modes: ['exclusive'],
  ordered: true,
  idBits: 0,
  fields,
  replies: ['error'],
  errorCodes: {
    noRoute: 404,
    noUpstream: 503,
    connectFailed: 503,
    upstreamClosed: 502,
    timeout: 504,
    overflow: 503,
    rateLimited: 429,
    fault: 500,
    draining: 503,
    badRequest: 400,
  },
  slot: (name) => fields.findIndex((field) => field.name === name),
  frameLength(buf, at, end) {
    for (let p = at; p < end; p++) if (buf[p] === LF) return p + 1 - at
    return end - at >= MAX_FRAME ? -2 : end - at + 1
  },
  inspect(buf, at, _length, out) {
    out.kind = 9
    out.idLo = out.idHi = out.status = out.timeout = 0
    out.error = buf[at] === 0x21 ? 1 : 0
    return 0
  },
  read,
  field(slot, buf, at, length) {
    const ref = { start: 0, end: 0, lo: 0, hi: 0 }
    return read(slot, buf, at, length, ref) ? Buffer.from(buf.subarray(ref.start, ref.end)).toString() : undefined
  },
  reply: (kind, _buf, _at, _length, code) => (kind === 'error' ? Buffer.from(`!${code}\n`) : undefined),
}
