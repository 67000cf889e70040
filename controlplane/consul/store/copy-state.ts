import { statSync, utimesSync, writeFileSync } from 'node:fs'
import type { SourceLog } from '../contact.ts'

/** How often it is written down when the copy was last up to date, ms. */
const NOTE_MS = 30_000

/** Whether a store that is copied answers, whether the copy is up to date, and as of when it is. A complaint is logged once until it is over. */
export class CopyState {
  readonly #name: string
  readonly #file: string
  readonly #log: SourceLog
  #error: string | undefined
  #behind = false
  #lastContact: number | undefined
  #asOf: number | undefined
  #noted = 0

  /** `file` tells the next process as of when the copy is: by the time it was changed. */
  constructor(name: string, file: string, log: SourceLog) {
    this.#name = name
    this.#file = file
    this.#log = log
  }

  /** The newest complaint, until it is over. */
  get error(): string | undefined {
    return this.#error
  }

  /** Last time the store answered, ms since 1970. */
  get lastContact(): number | undefined {
    return this.#lastContact
  }

  /** When the copy was last known to be up to date, by this process or an earlier one; ms since 1970. */
  get asOf(): number | undefined {
    return this.#asOf ?? statSync(this.#file, { throwIfNoEntry: false })?.mtimeMs
  }

  /** The copy is not known to be up to date from here on. */
  doubt(): void {
    this.#behind = true
  }

  /** It is. */
  caughtUp(): void {
    this.#behind = false
    this.answered()
  }

  /** The store answered. That is the end of a complaint only where the copy is up to date, and not while its watch goes without answers. */
  answered(isWell = true): void {
    this.#lastContact = Date.now()
    if (this.#behind) return
    this.#asOf = this.#lastContact
    if (Math.abs(this.#asOf - this.#noted) > NOTE_MS) this.note()
    if (this.#error === undefined || !isWell) return
    this.#error = undefined
    this.#log.info({ store: this.#name }, 'the store answers again')
  }

  /** The store could not be read or copied. The log is told once, until it succeeds again. */
  failed(error: Error): void {
    if (this.#error === undefined)
      this.#log.warn({ store: this.#name }, `${error.message}; the configuration read last stays in force`)
    this.#error = error.message
  }

  /** Writes down as of when the copy is. That it is served matters more: a full disk is told, and no failure. */
  note(): void {
    if (this.#asOf === undefined) return
    this.#noted = this.#asOf
    try {
      writeFileSync(this.#file, '')
      utimesSync(this.#file, this.#asOf / 1_000, this.#asOf / 1_000)
    } catch (error) {
      this.#log.warn({ file: this.#file, err: error }, 'how old the copy of the configuration is cannot be kept')
    }
  }
}
