/** A file somebody is changing, as it was when they began and as they want it. */
export interface Draft {
  /** Below the folder of configuration. */
  readonly file: string
  /** The revision it was begun on. */
  readonly base: number
  /** Undefined: the file is new. */
  readonly baseText: string | undefined
  /** Undefined: the file shall go. */
  readonly text: string | undefined
  /** ms since 1970. */
  readonly savedAt: number
  /** The text before the last merge, so that nothing typed is ever lost. */
  readonly before?: string
}

/** Where drafts are kept: as much of `Storage` as is needed. */
export interface DraftStorage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

const PREFIX = 'meshgate.draft.'

/** Drafts by file, kept in the browser: they survive a reload and a restart, and every tab sees the same. */
export class Drafts {
  readonly #storage: DraftStorage
  readonly #listeners = new Set<() => void>()
  #all: readonly Draft[] | undefined
  /** What could not be stored: it lives as long as the page. */
  readonly #unstored = new Map<string, Draft>()

  constructor(storage: DraftStorage) {
    this.#storage = storage
  }

  /** Every draft, by file name. The same list until something changes. */
  all(): readonly Draft[] {
    this.#all ??= this.#read()
    return this.#all
  }

  get(file: string): Draft | undefined {
    return this.all().find((one) => one.file === file)
  }

  /** False when the browser had no room: the draft then lives as long as the page. */
  put(draft: Draft): boolean {
    let stored = true
    try {
      this.#storage.setItem(PREFIX + draft.file, JSON.stringify(draft))
      this.#unstored.delete(draft.file)
    } catch {
      this.#unstored.set(draft.file, draft)
      stored = false
    }
    // What is known of the others stays: one that is written while somebody types reads none.
    const others = this.all().filter(({ file }) => file !== draft.file)
    this.#all = byFile([...others, draft])
    this.#tell()
    return stored
  }

  drop(file: string): void {
    this.#storage.removeItem(PREFIX + file)
    this.#unstored.delete(file)
    this.changed()
  }

  /** Another tab may have written. */
  changed(): void {
    this.#all = undefined
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #read(): readonly Draft[] {
    const found = new Map<string, Draft>()
    for (let i = 0; i < this.#storage.length; i++) {
      const key = this.#storage.key(i)
      if (!key?.startsWith(PREFIX)) continue
      const draft = parseDraft(this.#storage.getItem(key))
      if (draft && PREFIX + draft.file === key) found.set(draft.file, draft)
    }
    for (const [file, draft] of this.#unstored) found.set(file, draft)
    return byFile([...found.values()])
  }
}

const byFile = (drafts: Draft[]): readonly Draft[] => drafts.sort((a, b) => (a.file < b.file ? -1 : 1))

/** Whether a change of the storage concerns drafts; `null` is the browser's word for all keys. */
export const isDraftKey = (key: string | null): boolean => key === null || key.startsWith(PREFIX)

/** A stored draft; undefined for what is none, whoever wrote it. */
function parseDraft(text: string | null): Draft | undefined {
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { file, base, baseText, text: now, savedAt, before } = value as Readonly<Record<string, unknown>>
  const optionalText = (one: unknown) => one === undefined || typeof one === 'string'
  if (typeof file !== 'string' || typeof base !== 'number' || typeof savedAt !== 'number') return undefined
  if (!optionalText(baseText) || !optionalText(now) || !optionalText(before)) return undefined
  return value as Draft
}

/** The draft as a change set names it. */
export function sentFile({ file, text }: Draft): {
  readonly file: string
  readonly text?: string
  readonly delete?: true
} {
  return text === undefined ? { file, delete: true } : { file, text }
}

/** Whether a draft would change anything. */
export function isChanged({ baseText, text }: Draft): boolean {
  return baseText !== text
}

/** Whether the configuration moved on below a draft: its file is another one than when it was begun. */
export function isBehind(draft: Draft, current: string | undefined): boolean {
  return draft.baseText !== current
}

/**
 * What becomes of the stored draft of a file that stands in an editor: it is written, dropped since nothing is changed, or left. One that says
 * that the file shall go is no text's to change.
 * @param next the draft as the editor has it
 */
export function storing(next: Draft, known: Draft | undefined): 'put' | 'drop' | 'leave' {
  if (known && isDeletion(known)) return 'leave'
  if (!isChanged(next)) return known ? 'drop' : 'leave'
  const same = known && known.text === next.text && known.base === next.base && known.baseText === next.baseText
  return same ? 'leave' : 'put'
}

/** Whether a draft says that a file shall go. */
export function isDeletion({ baseText, text }: Draft): boolean {
  return text === undefined && baseText !== undefined
}
