import { Fragment } from 'react'

/** Signs after which a name may go on in the next line: those of hosts, clusters, documents, files and node ids. */
const AFTER_SIGN = /[^./|~]*[./|~]*/g

/** A long name that goes on in the next line where a part of it begins, in place of amid a word. Copied, it is the name. */
export function Breakable({ text }: { readonly text: string }) {
  return (text.match(AFTER_SIGN) ?? []).map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of a name have no identity but their place
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
