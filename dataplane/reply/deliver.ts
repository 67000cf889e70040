import { type Codec, putId } from '../../codecs/contract.ts'
import { complain } from '../complain.ts'
import { applyEdits } from '../filters/mutate.ts'
import { type ActiveRequest, REWRITTEN } from '../upstream/requests.ts'

/**
 * Gives a frame of the request's reply to its client, with the client's own id and what the route changes; `more`: others follow it.
 * @returns its length in bytes; -1 where it cannot have that id, as of a longest frame whose id takes more bytes then: nothing went to the client
 */
export function deliver(
  request: ActiveRequest,
  codec: Codec,
  b: Uint8Array,
  at: number,
  length: number,
  idAt: number,
  more: boolean,
): number {
  const route = request.route!
  let frame = b
  let start = at
  let size = length
  if ((request.flags & REWRITTEN) === 0) {
    // It has the client's id.
  } else if (idAt >= 0) putId(b, at + idAt, request.idLo)
  else if (!codec.writeId?.(b, at, length, request.idLo, request.idHi)) {
    const restored = codec.spliceId?.(b, at, length, request.idLo, request.idHi)
    if (!restored) {
      complain(
        `cluster ${request.cluster!.config.name}`,
        `a reply of ${length} bytes cannot have the id of its client: no frame of ${codec.name} may be longer than ${codec.maxFrame}`,
      )
      return -1
    }
    frame = restored
    start = 0
    size = restored.length
  }
  if (route.editsReplies) {
    const changed = applyEdits(codec, frame, start, size, route.responseEdits)
    if (changed) {
      frame = changed
      start = 0
      size = changed.length
    }
  }
  const client = request.client!
  if (more) client.deliverPart(request, frame, start, start + size)
  else client.deliver(request.sequence, frame, start, start + size)
  return size
}
