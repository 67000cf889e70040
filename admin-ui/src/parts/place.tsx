import { Code, Text } from '@mantine/core'
import { Fragment } from 'react'
import type { Place } from '../api/schema.ts'
import { documentHref } from './hrefs.ts'
import { AppLink } from './link.tsx'

/** A place in a document as `file:line`, leading to the document at that line. */
export function PlaceLink({
  place,
  named = false,
  className,
}: {
  readonly place: Place
  readonly named?: boolean
  readonly className?: string
}) {
  const { document, file, line } = place
  const text = `${named ? `${document} ` : ''}${file}:${line}`
  return document ? (
    <AppLink href={documentHref(document, line)} size="sm" ff="monospace" fz="xs" className={className ?? ''}>
      {text}
    </AppLink>
  ) : (
    <Code>{text}</Code>
  )
}

/** Places in one document: the first as `document file:line`, the others as `:line` behind it, each leading to its line. */
export function PlaceLinks({ places: [first, ...others] }: { readonly places: readonly Place[] }) {
  if (!first) return null
  return (
    <span style={{ overflowWrap: 'anywhere' }}>
      <PlaceLink place={first} named className="target" />
      {first.document &&
        others.map(({ document, file, line }) => (
          <Fragment key={line}>
            {' '}
            <AppLink
              href={documentHref(document, line)}
              size="sm"
              ff="monospace"
              fz="xs"
              className="target"
              aria-label={`${file}:${line}`}
            >
              :{line}
            </AppLink>
          </Fragment>
        ))}
    </span>
  )
}

/** A document by its key, leading to it. */
export function DocumentLink({ document, line }: { readonly document: string; readonly line?: number }) {
  return (
    <AppLink href={documentHref(document, line)} size="sm">
      {document}
    </AppLink>
  )
}

/** A place that names no document: `file:line:column`, and the path of the field. */
export function FilePlace(at: {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly path: string
}) {
  return (
    <Text size="xs" ff="monospace" c="dimmed" component="span">
      {at.file}:{at.line}:{at.column}
      {at.path && ` ${at.path}`}
    </Text>
  )
}
