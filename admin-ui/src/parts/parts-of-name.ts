/** Signs after which a name may go on in the next line: those of hosts, clusters, documents, files and node ids. */
const AFTER_SIGN = /[^./|~]*[./|~]*/g

/** A name in pieces, each with the signs behind it. Together they are the name. */
export function partsOfName(name: string): readonly string[] {
  return (name.match(AFTER_SIGN) ?? []).filter(Boolean)
}

/** A name in camel case as its words. Together they are the name. */
export function wordsOfField(name: string): readonly string[] {
  return name.split(/(?=[A-Z])/).filter(Boolean)
}
