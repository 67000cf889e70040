import type { DroppedFile } from './dropped.ts'
import { type ImportedDocument, type ImportOptions, readImport } from './import.ts'

/** A document, and the file it was found in; `from` is empty for what was pasted. */
export type FoundDocument = ImportedDocument & { readonly from: string }

/** `imported.yaml`, or with the first number that is free. */
export function freeName(stem: string, taken: ReadonlySet<string>): string {
  let name = `${stem}.yaml`
  for (let i = 2; taken.has(name); i++) name = `${stem}-${i}.yaml`
  return name
}

/**
 * Each document of a pasted text and of dropped files, and what would become of it.
 * What is new in a file comes into one of its name, what is new in the pasted text into `newFile`.
 */
export function findDocuments(
  text: string,
  files: readonly DroppedFile[],
  options: ImportOptions,
): readonly FoundDocument[] {
  const dropped = files.map(({ path, text }) => ({
    from: path,
    newFile: path.replace(/\.(json|yml)$/i, '.yaml'),
    text,
  }))
  return [{ from: '', newFile: options.newFile, text }, ...dropped].flatMap(({ from, newFile, text }) =>
    readImport(text, { ...options, newFile }).map((one) => ({ ...one, from })),
  )
}

/** What the row of a document says of it: where it was found, and which object it is. */
export function rowOf({ from, number, name }: Pick<FoundDocument, 'from' | 'number' | 'name'>): {
  readonly place: string
  readonly object: string
} {
  return {
    place: from ? `${from} · ${number}` : String(number),
    object: name ? `${name.kind} ${name.namespace}/${name.name}` : '–',
  }
}
