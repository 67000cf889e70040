import { Fragment } from 'react'
import { partsOfName, wordsOfField } from './parts-of-name.ts'

/** A long name that goes on in the next line where a part of it begins, in place of amid a word. Copied, it is the name. */
export function Breakable({ text }: { readonly text: string }) {
  return <Parts parts={partsOfName(text)} />
}

/** A name of a field of Istio, which may go on in the next line where a word of it begins. */
export function BreakableField({ name }: { readonly name: string }) {
  return <Parts parts={wordsOfField(name)} />
}

function Parts({ parts }: { readonly parts: readonly string[] }) {
  return parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of a name have no identity but their place
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
