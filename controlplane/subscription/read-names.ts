import { NameLists } from './name-lists.ts'
import { WIRE, WireReader } from './wire.ts'

/** What a request of either form may hold at most; beyond it the request is refused before memory is taken. */
export interface RequestLimits {
  /** Names in one request, counting `initial_resource_versions`. */
  readonly names: number
  /** Bytes of one name. */
  readonly nameLength: number
}

/** What to do about a client that asks for too many names. Envoy repeats all clusters it ever asked for until it ends. */
export const FEWER_NAMES = 'scope the proxy (Sidecar egress hosts), or start it anew if it gathered them over time'

/** A request within the protocol but beyond our limits. The message is for the person who runs the client. */
export class RequestTooLarge extends Error {
  override readonly name = 'RequestTooLarge'
}

const string = (field: number) => (field << 3) | WIRE.bytes

const lists = new NameLists()

/** Names that stand one behind the other, while they are read. */
interface NameRun {
  readonly reader: WireReader
  readonly bytes: Buffer
  readonly isFirst: boolean
  readonly nameLength: number
}

/** One list of names of a request, while it is read. */
export class NameList {
  /** Shared with other requests that list the same; never changed. */
  private shared: readonly string[] = []
  /** The names once they are not just one shared list. */
  private own: string[] | undefined
  private run: NameRun | undefined
  private readonly limits: RequestLimits

  constructor(limits: RequestLimits) {
    this.limits = limits
  }

  get names(): readonly string[] {
    return this.own ?? this.shared
  }

  /** Whether there are names that were given to `addAll` and have not been read. */
  get open(): boolean {
    return this.run !== undefined
  }

  /** All names that stand one behind the other with this tag; the first is next in the reader. They are known at once or to be `readOn`. */
  addAll(reader: WireReader, tag: number, nameLength = this.limits.nameLength): void {
    const bytes = reader.run(tag)
    const isFirst = this.names.length === 0
    const known = lists.find(bytes)
    if (known && isFirst && known.length <= this.limits.names) this.shared = known
    else this.run = { reader: new WireReader(bytes), bytes, isFirst, nameLength }
  }

  /** Reads names, `most` of them at most. @returns how many fewer that were */
  readOn(most: number): number {
    const { run } = this
    if (!run) return most
    let left = most
    for (;;) {
      if (left-- <= 0) return 0
      this.add(run.reader, run.nameLength)
      if (run.reader.done) break
      run.reader.tag()
    }
    this.run = undefined
    if (run.isFirst && this.own) {
      this.shared = this.own
      this.own = undefined
      lists.add(run.bytes, this.shared)
    }
    return left
  }

  /** Reads one more name. @throws RequestTooLarge when it is too long, or one too many */
  add(reader: WireReader, nameLength = this.limits.nameLength): void {
    this.own ??= [...this.shared]
    if (this.own.length >= this.limits.names) throw tooMany('resource names', this.limits)
    this.own.push(readName(reader, nameLength))
  }

  /** ResourceLocator: name = 1, dynamic_parameters = 2. Envoy does not send them yet; without parameters one is a name. */
  addLocator(reader: WireReader): void {
    const locator = reader.message()
    while (!locator.done) {
      const tag = locator.tag()
      if (tag === string(1)) this.add(locator)
      else locator.skip(tag)
    }
  }
}

/** @throws RequestTooLarge */
export function readName(reader: WireReader, nameLength: number): string {
  return reader.string(
    nameLength,
    (length) =>
      new RequestTooLarge(`a resource name has ${length} bytes; this server takes names of up to ${nameLength}`),
  )
}

/**
 * The refusal of a request about more names than a request may have.
 * @param what the names are of
 */
export function tooMany(what: string, limits: RequestLimits): RequestTooLarge {
  return new RequestTooLarge(`more than ${limits.names} ${what} in one request; ${FEWER_NAMES}`)
}
