import { Badge, Group, Paper, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useRouter } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Draft } from '../change/drafts.ts'
import { drafts } from '../change/use-drafts.ts'
import { nameOf, type ObjectName } from '../forms/objects.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { useView } from '../parts/view.ts'
import type { CodeView } from './code-view.ts'
import { CopyMenu } from './copy-menu.tsx'
import { DraftNotices } from './draft-notices.tsx'
import classes from './editor.module.css'
import { EditorActions } from './editor-actions.tsx'
import { Findings } from './findings.tsx'
import { FormPane } from './form-pane.tsx'
import { fromEditor, toEditor } from './line-ends.ts'
import { othersOf } from './others.ts'
import { lineStarts, offsetOf } from './problems.ts'
import { SharingQuestion } from './sharing-question.tsx'
import { firstPlace, useCodeView } from './use-code-view.ts'
import { useCursor } from './use-cursor.ts'
import { documentOf, useDocument } from './use-document.ts'
import { type CurrentFile, useFileDraft, useStartedDraft } from './use-file-draft.ts'
import { useFormEdits } from './use-form-edits.ts'
import { useFormState } from './use-form-state.ts'
import { useFound } from './use-found.ts'
import { usePlacesInText } from './use-places-in-text.ts'
import { useSchemas } from './use-schemas.ts'
import { useSettledText } from './use-settled-text.ts'
import { useShownSection } from './use-shown-section.ts'

export interface FileEditorProps {
  readonly file: string
  readonly object: ObjectName
  readonly current: CurrentFile | undefined
}

/** A file as text and one of its documents as a form; the text is the state of both. */
export function FileEditor({ file, object, current }: FileEditorProps) {
  const { t } = useTranslation('editor')
  const router = useRouter()
  const mayNot = useMayNot()
  const mayEdit = mayNot === undefined
  const [view, setView] = useView({ view: 'split', tab: 'problems', line: '', section: '' })
  const started = useStartedDraft(file, current)
  const code = useRef<CodeView | undefined>(undefined)
  const { shape, text: firstText } = useMemo(() => toEditor(started.text ?? ''), [started])
  const {
    text,
    typed,
    changed: follow,
    isBehind,
    settle,
  } = useSettledText(firstText, () => code.current?.text() ?? firstText)
  const { document, setDocument, active, onCursor } = useCursor(code, { text, isBehind }, () =>
    documentOf(firstText, object),
  )
  const raw = useMemo(() => fromEditor(text, shape), [text, shape])
  const write = useCallback((next: string) => code.current?.replace(toEditor(next).text), [])
  const now = useCallback(() => (code.current ? fromEditor(code.current.text(), shape) : raw), [shape, raw])
  const { draft, base, setBase, changed, behind, leave } = useFileDraft(
    started,
    { raw, now, follow: write },
    current,
    mayEdit,
  )
  const opened = useDocument(text, document)
  const { isKind, schemaOf, hosts, messageFields, protocols, suggest, hint } = useSchemas(text, opened.kind)
  const schema = schemaOf(opened.kind)
  const review = useCallback(() => {
    settle()
    router.history.push('/changes/new')
  }, [router, settle])
  const host = useCodeView(
    code,
    {
      text: firstText,
      label: t('code.label', { file }),
      onText: (byPerson) => (byPerson ? typed() : follow()),
      onLeave: settle,
      onCursor,
      onSave: review,
      suggest,
      hint,
    },
    (made) => {
      const line = Number(view.line)
      const { from, to } = firstPlace(firstText, opened.view, line)
      if (line > 0 && view.section === '') made.goTo(from, to)
      else made.reveal(from, to)
      if (line > 0) onCursor(from)
    },
  )
  useEffect(() => code.current?.readOnly(!mayEdit), [mayEdit])

  const { planning, found, elsewhere, own, errors, marks } = useFound({
    ...{ file, path: current?.path ?? file, text, raw, base, changed, view: opened.view },
  })
  // Of a text that is no longer there nothing is marked: the next answer tells of what is.
  useEffect(() => {
    if (code.current?.text() === text) code.current.problems(marks)
  }, [marks, text])

  const edits = useFormEdits(code, document)
  const { lookAt, reveal, goTo, show } = usePlacesInText(code, opened, document, () => {
    if (view.view === 'form') setView({ view: 'split' })
  })
  const form = useFormState({
    ...{ opened, schema, active, mayEdit, hosts, messageFields, protocols, own },
    ...{ edit: edits.apply, reveal, goTo },
  })
  const rule = view.line === '' ? undefined : active?.find((step) => typeof step === 'number')
  useShownSection(form === undefined || (view.line !== '' && !active) ? '' : view.section, rule)
  const name = nameOf(opened.value, object.namespace) ?? object
  const giveUp = () => {
    leave()
    drafts.drop(file)
    router.history.push('/rules')
  }
  const discard = () => (base.baseText === undefined ? giveUp() : write(base.baseText))
  const resolve = (next: Draft) => {
    // They deleted the file: the page tells that in place of an editor, and has the text that was here.
    if (next.text === undefined) leave()
    drafts.put(next)
    if (next.text === undefined) return
    setBase({ base: next.base, baseText: next.baseText })
    write(next.text)
  }
  useHotkeys([['mod+S', review]], [])
  const others = othersOf(file, planning.conflict, behind, current, base)
  return (
    <Page
      title={`${name.kind} ${name.namespace}/${name.name}`}
      lead={<FileLead file={file} changed={changed} errors={errors} />}
      actions={
        <EditorActions
          view={view.view}
          onView={(next) => setView({ view: next })}
          changed={changed}
          mayNot={mayNot}
          onDiscard={discard}
          onReview={review}
          copy={<CopyMenu text={text} view={opened.view} file={file} raw={raw} base={base.base} />}
        />
      }
    >
      {draft && (
        <DraftNotices draft={{ ...draft, ...base, text: raw }} others={others} onResolved={resolve} onText={write} />
      )}
      <div className={classes['panes']} data-view={view.view}>
        <FormPane
          opened={opened}
          document={document}
          form={form}
          known={isKind(opened.kind)}
          onDocument={(next) => {
            setDocument(next)
            show(next)
          }}
          onPlace={(offset) => lookAt(offset, offset + 1)}
        />
        <Paper withBorder className={classes['code']} data-pane="yaml">
          <div ref={host} className={classes['host']} />
        </Paper>
      </div>
      <Findings
        tab={view.tab}
        onTab={(tab) => setView({ tab })}
        found={found}
        elsewhere={elsewhere}
        broken={opened.view?.error !== undefined}
        changed={changed}
        planning={planning}
        onShow={({ line, column }) => {
          const at = offsetOf(lineStarts(text), text.length, line, column)
          lookAt(at)
          onCursor(at)
        }}
      />
      <SharingQuestion opened={edits.asking} onAnswer={edits.answer} />
    </Page>
  )
}

/** Which file it is, whether it is changed, and how many errors its document has. */
function FileLead({
  file,
  changed,
  errors,
}: {
  readonly file: string
  readonly changed: boolean
  readonly errors: number
}) {
  const { t } = useTranslation('editor')
  return (
    <Group gap="xs">
      <Text size="sm" c="dimmed" ff="monospace">
        {file}
      </Text>
      {changed && (
        <Badge variant="light" color="orange" data-draft>
          {t('draft.badge')}
        </Badge>
      )}
      {errors > 0 && (
        <Badge variant="light" color="red">
          {t('problems.errors', { count: errors })}
        </Badge>
      )}
    </Group>
  )
}
