import { Badge, Group, Paper, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useRouter } from '@tanstack/react-router'
import { startTransition, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { drafts } from '../change/use-drafts.ts'
import { nameOf, type ObjectName } from '../forms/objects.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { useView } from '../parts/view.ts'
import { formatPath, type Path, pathAt } from '../yaml/index.ts'
import type { CodeView } from './code-view.ts'
import { CopyMenu } from './copy-menu.tsx'
import { placeOf } from './documents-of-file.ts'
import { DraftNotices } from './draft-notices.tsx'
import classes from './editor.module.css'
import { EditorActions } from './editor-actions.tsx'
import { Findings } from './findings.tsx'
import { FormPane } from './form-pane.tsx'
import { fromEditor, toEditor } from './line-ends.ts'
import { lineStarts, offsetOf } from './problems.ts'
import { SharingQuestion } from './sharing-question.tsx'
import { firstPlace, useCodeView } from './use-code-view.ts'
import { documentOf, openedText, useDocument } from './use-document.ts'
import { type CurrentFile, useFileDraft, useStartedDraft } from './use-file-draft.ts'
import { useFormEdits } from './use-form-edits.ts'
import { useFormState } from './use-form-state.ts'
import { useFound } from './use-found.ts'
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
  const [document, setDocument] = useState(() => documentOf(firstText, object))
  const [active, setActive] = useState<Path | undefined>(undefined)
  const raw = useMemo(() => fromEditor(text, shape), [text, shape])
  const write = useCallback((next: string) => code.current?.replace(toEditor(next).text), [])
  const now = useCallback(() => (code.current ? fromEditor(code.current.text(), shape) : raw), [shape, raw])
  const { draft, base, setBase, changed, behind } = useFileDraft(started, { raw, now, follow: write }, current, mayEdit)
  const opened = useDocument(text, document)
  const { isKind, schemaOf, hosts, suggest, hint } = useSchemas(text, opened.kind)
  const schema = schemaOf(opened.kind)
  const review = useCallback(() => {
    settle()
    router.history.push('/changes/new')
  }, [router, settle])
  const onCursor = useRef<(offset: number) => void>(() => {})
  onCursor.current = (offset) => {
    if (isBehind()) return
    const at = pathAt(openedText(code.current?.text() ?? text), offset)
    if (!at) return
    setDocument(at.document)
    setActive((before) => (before && formatPath(before) === formatPath(at.path) ? before : at.path))
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: a text that followed is the reason to look where the cursor is
  useEffect(() => {
    const at = code.current?.cursor()
    if (at !== undefined) startTransition(() => onCursor.current(at))
  }, [text])
  const host = useCodeView(
    code,
    {
      text: firstText,
      label: t('code.label', { file }),
      onText: (byPerson) => (byPerson ? typed() : follow()),
      onLeave: settle,
      onCursor: (offset) => onCursor.current(offset),
      onSave: review,
      suggest,
      hint,
    },
    (made) => {
      const line = Number(view.line)
      const { from, to } = firstPlace(firstText, opened.view, line)
      if (line > 0 && view.section === '') made.goTo(from, to)
      else made.reveal(from, to)
      if (line > 0) onCursor.current(from)
    },
  )
  useEffect(() => code.current?.readOnly(!mayEdit), [mayEdit])

  const { planning, found, own, errors, marks } = useFound({
    ...{ file, path: current?.path ?? file, text, raw, base, changed, view: opened.view },
  })
  // Of a text that is no longer there nothing is marked: the next answer tells of what is.
  useEffect(() => {
    if (code.current?.text() === text) code.current.problems(marks)
  }, [marks, text])

  const edits = useFormEdits(code, document)
  /** Shows a place that a person has to look at. */
  const lookAt = (from: number, to = from) => {
    if (view.view === 'form') setView({ view: 'split' })
    code.current?.goTo(from, to)
  }
  const reveal = (at: Path) => {
    const place = placeOf(opened.open, document, at)
    if (place) code.current?.reveal(place.from, place.to)
  }
  const goTo = (at: Path) => {
    const place = placeOf(opened.open, document, at)
    if (place) lookAt(place.from, place.to)
  }
  const form = useFormState({ opened, schema, active, mayEdit, hosts, own, edit: edits.apply, reveal, goTo })
  const rule = view.line === '' ? undefined : active?.find((step) => typeof step === 'number')
  useShownSection(form === undefined || (view.line !== '' && !active) ? '' : view.section, rule)
  const name = nameOf(opened.value, object.namespace) ?? object
  const discard = () => {
    write(base.baseText ?? '')
    if (base.baseText === undefined) {
      drafts.drop(file)
      router.history.push('/rules')
    }
  }
  useHotkeys([['mod+S', review]], [])
  const { conflict } = planning
  const conflicting = conflict?.conflicts?.find((one) => one.file === file)
  const others =
    conflicting || behind
      ? {
          theirs: conflicting ? conflicting.theirs : current?.text,
          revision: conflict?.revision ?? current?.revision ?? base.base,
        }
      : undefined
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
        <DraftNotices
          draft={{ ...draft, ...base, text: raw }}
          others={others}
          onResolved={(next) => {
            drafts.put(next)
            setBase({ base: next.base, baseText: next.baseText })
            write(next.text ?? '')
          }}
          onText={write}
        />
      )}
      <div className={classes['panes']} data-view={view.view}>
        <FormPane
          opened={opened}
          document={document}
          form={form}
          known={isKind(opened.kind)}
          onDocument={(next) => {
            setDocument(next)
            const { from } = opened.open.span(opened.open.segmentOf(next)!)
            code.current?.reveal(from, from)
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
        broken={opened.view?.error !== undefined}
        changed={changed}
        planning={planning}
        onShow={({ line, column }) => {
          const at = offsetOf(lineStarts(text), text.length, line, column)
          lookAt(at)
          onCursor.current(at)
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
