/** What a file may cost at most. Every limit ends in a diagnostic, never in a crash or in silence. */
export interface ReadLimits {
  /** Size of one file, bytes. */
  readonly fileBytes: number
  /** Mappings and lists inside each other in one document. */
  readonly depth: number
  /** Values in one document (keys count); every use of an alias counts as a copy of what it stands for. */
  readonly nodes: number
  /** Uses of aliases in one document. */
  readonly aliases: number
  /** Values that are there because of aliases only, of all files together that are read for one purpose. */
  readonly copies: number
  /** Documents in one file. */
  readonly documents: number
  /** Complaints about one file; the rest is only counted. */
  readonly diagnostics: number
}

export const defaultReadLimits: ReadLimits = {
  fileBytes: 10 * 1024 * 1024,
  depth: 100,
  nodes: 200_000,
  aliases: 10_000,
  copies: 5_000_000,
  documents: 50_000,
  diagnostics: 100,
}

/** Limits of a whole store of files. */
export interface StoreLimits extends ReadLimits {
  readonly files: number
  /** Size of all files together, bytes. */
  readonly totalBytes: number
  /** Folder entries looked at, configuration or not. */
  readonly entries: number
  /** Of these, what stands behind one link and is no configuration: links lead to `/proc`, to home folders and to whole disks. */
  readonly entriesBehindLink: number
}

export const defaultStoreLimits: StoreLimits = {
  ...defaultReadLimits,
  files: 100_000,
  totalBytes: 512 * 1024 * 1024,
  entries: 1_000_000,
  entriesBehindLink: 20_000,
}

/** `10 MiB`, `1.5 KiB`, `12 bytes`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  const [size, unit] = bytes < 1024 ** 2 ? [bytes / 1024, 'KiB'] : [bytes / 1024 ** 2, 'MiB']
  return `${Number(size.toFixed(1))} ${unit}`
}

/** Pairs of documents to compare line by line, at most, when one of a file cannot be read. */
export const tooLargeToCompare = 40_000
