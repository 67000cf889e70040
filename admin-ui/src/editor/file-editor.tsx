import { Badge, Group, Paper, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { startTransition, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { sentFile } from '../change/drafts.ts'
import { drafts } from '../change/use-drafts.ts'
import { usePlan } from '../change/use-plan.ts'
import type { FormEdit } from '../forms/edits.ts'
import { nameOf, type ObjectName } from '../forms/objects.ts'
import { explained } from '../i18n/explained.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { problemText } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { edit, formatPath, type Path, pathAt, type Sharing, textPosition, YamlEditError } from '../yaml/index.ts'
import { type CodeView, createCodeView } from './code-view.ts'
import { CopyMenu } from './copy-menu.tsx'
import { subsetsIn } from './documents-of-file.ts'
import { DraftNotices } from './draft-notices.tsx'
import classes from './editor.module.css'
import { EditorActions } from './editor-actions.tsx'
import { Findings } from './findings.tsx'
import type { FormState } from './form/form-context.tsx'
import { FormPane } from './form-pane.tsx'
import { fromEditor, toEditor } from './line-ends.ts'
import { isSyntax, lineStarts, marksOf, offsetOf, problemsIn } from './problems.ts'
import { SharingQuestion } from './sharing-question.tsx'
import { documentOf, openedText, useDocument } from './use-document.ts'
import { type CurrentFile, useFileDraft, useStartedDraft } from './use-file-draft.ts'
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
  const [sharing, setSharing] = useState<readonly FormEdit[] | undefined>(undefined)
  const host = useRef<HTMLDivElement>(null)
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once; what it calls is kept in refs
  useEffect(() => {
    if (!host.current) return
    code.current = createCodeView({
      parent: host.current,
      text: firstText,
      label: t('code.label', { file }),
      onText: (byPerson) => (byPerson ? typed() : follow()),
      onLeave: settle,
      onCursor: (offset) => onCursor.current(offset),
      onSave: review,
      suggest,
      hint,
    })
    const line = Number(view.line)
    const place =
      line > 0
        ? offsetOf(lineStarts(firstText), firstText.length, line, 1)
        : (opened.view?.from ?? 0) +
          (/^(\s*(---[^\n]*|#[^\n]*)?\n)*/.exec(firstText.slice(opened.view?.from ?? 0))?.[0].length ?? 0)
    code.current.reveal(
      place,
      line > 0 ? offsetOf(lineStarts(firstText), firstText.length, line, 1_000) : place,
      line > 0 && view.section === '',
    )
    if (line > 0) onCursor.current(place)
    return () => code.current?.destroy()
  }, [])
  useEffect(() => code.current?.readOnly(!mayEdit), [mayEdit])

  const sent = useMemo(
    () => (changed ? [sentFile({ file, ...base, text: raw, savedAt: 0 })] : undefined),
    [changed, file, base, raw],
  )
  const planning = usePlan(sent, base.base)
  const { plan, conflict } = planning
  const quiet = useQuery({ ...queries.diagnostics(), enabled: !changed })
  const path = current?.path ?? file
  const found = useMemo(() => {
    const diagnostics = changed ? (plan?.diagnostics ?? []) : (quiet.data?.diagnostics ?? [])
    return diagnostics.filter((one) => one.file === path || one.file.endsWith(`/${file}`))
  }, [changed, plan, quiet.data, path, file])
  const marks = useMemo(() => marksOf(text, found, opened.view), [text, found, opened.view])
  // Of a text that is no longer there nothing is marked: the next answer tells of what is.
  useEffect(() => {
    if (code.current?.text() === text) code.current.problems(marks)
  }, [marks, text])
  const own = useMemo(() => problemsIn(text, found, opened.view), [text, found, opened.view])

  const apply = (edits: readonly FormEdit[], how?: Sharing) => {
    if (edits.length === 0 || !code.current) return
    try {
      const numbered = edits.map((one) => ({ ...one, document }))
      const result = edit(code.current.text(), numbered, how ? { sharing: how } : {})
      code.current.change(result.changes)
      const told = result.reports.filter(({ code: what }) => what === 'rerendered')
      if (told.length > 0)
        notifications.show({ color: 'yellow', message: told.map(({ message }) => message).join('; ') })
    } catch (problem) {
      if (!(problem instanceof YamlEditError)) throw problem
      if (problem.code === 'SHARED') setSharing(edits)
      else notifications.show({ color: 'red', message: problemText(problem) })
    }
  }
  const reveal = (at: Path, focus = false) => {
    if (focus && view.view === 'form') setView({ view: 'split' })
    try {
      const place = textPosition(opened.open, document, at)
      const from = place.exact ? (place.key?.from ?? place.value.from) : place.offset
      const end = place.exact ? Math.max(place.value.to, from) : from
      const line = opened.open.text.indexOf('\n', from)
      code.current?.reveal(from, line < 0 ? end : Math.min(end, line), focus)
    } catch (problem) {
      // While the text is broken there is no place to show.
      if (!(problem instanceof YamlEditError)) throw problem
    }
  }
  const latest = useRef({ apply, reveal })
  latest.current = { apply, reveal }
  // The same as long as what it shows is: a form of a thousand fields is not rendered for a plan that came.
  const form = useMemo((): FormState | undefined => {
    const subsets = new Map<string, readonly string[]>()
    return schema && opened.value !== undefined
      ? {
          kind: opened.kind,
          value: opened.value,
          schema,
          active,
          readOnly: !mayEdit || opened.view?.error !== undefined,
          hosts,
          subsetsOf: (host) => {
            const known = subsets.get(host) ?? subsetsIn(opened.open, host)
            subsets.set(host, known)
            return known
          },
          edit: (edits) => latest.current.apply(edits),
          reveal: (at, focus) => latest.current.reveal(at, focus),
          problemAt: (at) => {
            const found = own.find((one) => one.path === formatPath(at) && one.severity !== 'info')
            return found && explained(found.code, found.message)
          },
        }
      : undefined
  }, [schema, opened, active, mayEdit, hosts, own])
  const rule = view.line === '' ? undefined : active?.find((step) => typeof step === 'number')
  useShownSection(form === undefined || (view.line !== '' && !active) ? '' : view.section, rule)
  const name = nameOf(opened.value, object.namespace) ?? object
  const broken = opened.view?.error !== undefined
  // The page and the control plane both tell of a text that is no YAML.
  const errors =
    own.filter(({ severity, code: what }) => severity === 'error' && !(broken && isSyntax(what))).length +
    (broken ? 1 : 0)
  const discard = () => {
    write(base.baseText ?? '')
    if (base.baseText === undefined) {
      drafts.drop(file)
      router.history.push('/rules')
    }
  }
  /** Shows a place that a person has to look at. */
  const lookAt = (from: number, to = from) => {
    if (view.view === 'form') setView({ view: 'split' })
    code.current?.reveal(from, to, true)
  }
  useHotkeys([['mod+S', review]], [])
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
      lead={
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
      }
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
        broken={broken}
        changed={changed}
        planning={planning}
        onShow={({ line, column }) => {
          const at = offsetOf(lineStarts(text), text.length, line, column)
          lookAt(at)
          onCursor.current(at)
        }}
      />
      <SharingQuestion
        opened={sharing !== undefined}
        onClose={() => setSharing(undefined)}
        onChoose={(how) => {
          if (sharing) apply(sharing, how)
          setSharing(undefined)
        }}
      />
    </Page>
  )
}
