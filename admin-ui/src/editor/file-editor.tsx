import { Alert, Badge, Button, Group, Paper, SegmentedControl, Select, Stack, Tabs, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconArrowRight, IconTrash } from '@tabler/icons-react'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { useMayEdit } from '../app/session-gate.tsx'
import { ConflictPanel } from '../change/conflict-panel.tsx'
import { type Draft, isBehind, isChanged, sentFile } from '../change/drafts.ts'
import { Impact } from '../change/impact.tsx'
import { MeaningList } from '../change/meaning-list.tsx'
import { changeQueries } from '../change/queries.ts'
import { drafts, useDrafts } from '../change/use-drafts.ts'
import { usePlan } from '../change/use-plan.ts'
import type { FormEdit } from '../forms/edits.ts'
import { nameOf, type ObjectName } from '../forms/objects.ts'
import { type FieldSchema, isMap, readList, readMap, readText } from '../forms/schema.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert, problemText } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import {
  edit,
  formatPath,
  OpenText,
  type Path,
  pathAt,
  readDocument,
  type Sharing,
  textPosition,
  YamlEditError,
} from '../yaml/index.ts'
import { type CodeView, createCodeView } from './code-view.ts'
import { hintAt, suggestionsAt } from './context-at.ts'
import { CopyMenu } from './copy-menu.tsx'
import classes from './editor.module.css'
import { DocumentForm } from './form/document-form.tsx'
import { FormProvider, type FormState } from './form/form-context.tsx'
import { fromEditor, toEditor } from './line-ends.ts'
import { lineStarts, marksOf, offsetOf, problemsIn } from './problems.ts'
import { SharingQuestion } from './sharing-question.tsx'
import { documentOf, useDocument } from './use-document.ts'

export interface FileEditorProps {
  readonly file: string
  readonly object: ObjectName
  /** The file as it is in the configuration; undefined for one that is not there yet. */
  readonly current: { readonly text: string | undefined; readonly revision: number; readonly path: string } | undefined
}

const SAVE_MS = 200

/** A file as text and one of its documents as a form; the text is the state of both. */
export function FileEditor({ file, object, current }: FileEditorProps) {
  const { t } = useTranslation('editor')
  const router = useRouter()
  const mayEdit = useMayEdit()
  const [view, setView] = useView({ view: 'split', tab: 'problems', line: '' })
  const all = useDrafts()
  const draft = all.find((one) => one.file === file)
  const started = useRef<Draft>(
    draft ?? {
      file,
      base: current?.revision ?? 0,
      baseText: current?.text,
      text: current?.text ?? '',
      savedAt: 0,
    },
  )
  const [base, setBase] = useState<Pick<Draft, 'base' | 'baseText'>>(started.current)
  const { shape, text: firstText } = useMemo(() => toEditor(started.current.text ?? ''), [])
  const [text, setText] = useState(firstText)
  const [document, setDocument] = useState(() => documentOf(firstText, object))
  const [active, setActive] = useState<Path | undefined>(undefined)
  const [sharing, setSharing] = useState<readonly FormEdit[] | undefined>(undefined)
  const code = useRef<CodeView | undefined>(undefined)
  const host = useRef<HTMLDivElement>(null)
  const raw = useMemo(() => fromEditor(text, shape), [text, shape])
  const changed = raw !== base.baseText

  // The configuration moved on and nothing was changed here: the text follows.
  const currentText = current?.text
  const currentRevision = current?.revision
  useEffect(() => {
    if (currentRevision === undefined || currentText === undefined || currentText === base.baseText) return
    if (changed) return
    setBase({ base: currentRevision, baseText: currentText })
    code.current?.replace(toEditor(currentText).text)
  }, [currentText, currentRevision, base.baseText, changed])
  const behind = changed && draft !== undefined && isBehind({ ...draft, ...base }, currentText)

  // Drafts survive everything: they are kept a moment after each change, and at once when the page goes.
  useEffect(() => {
    const save = () => {
      const next: Draft = { file, ...base, text: raw, savedAt: Date.now() }
      const known = drafts.get(file)
      if (isChanged(next)) {
        if (known?.text !== raw || known.base !== base.base || known.baseText !== base.baseText) {
          const kept = drafts.put({ ...next, ...(known?.before === undefined ? {} : { before: known.before }) })
          if (!kept) notifications.show({ id: 'room', color: 'yellow', message: t('draft.noRoom') })
        }
      } else if (known) drafts.drop(file)
    }
    if (!mayEdit) return
    const timer = setTimeout(save, SAVE_MS)
    globalThis.addEventListener('pagehide', save)
    return () => {
      clearTimeout(timer)
      globalThis.removeEventListener('pagehide', save)
      save()
    }
  }, [file, base, raw, mayEdit, t])

  const { data: kinds = [] } = useQuery(changeQueries.kinds())
  const opened = useDocument(text, document)
  const known = kinds.some(({ kind }) => kind === opened.kind)
  const { data: schema } = useQuery({ ...changeQueries.schema(opened.kind), enabled: known })
  const { data: services = [] } = useQuery(queries.services())
  const hosts = useMemo(() => [...new Set(services.map(({ hostname }) => hostname))], [services])
  const wanted = useMemo(
    () => [...new Set([...text.matchAll(/^kind:\s*["']?(\w+)/gm)].map(([, kind]) => kind!))],
    [text],
  )
  const loaded = useQueries({
    queries: wanted.filter((kind) => kinds.some((one) => one.kind === kind)).map((kind) => changeQueries.schema(kind)),
  })
  const schemas = useRef(new Map<string, FieldSchema>())
  for (const { data } of loaded) if (data?.title) schemas.current.set(data.title, data)
  const lookups = useRef({ kinds, hosts })
  lookups.current = { kinds, hosts }

  const review = useCallback(() => router.history.push('/changes/new'), [router])
  const onCursor = useRef<(offset: number) => void>(() => {})
  onCursor.current = (offset) => {
    const at = pathAt(new OpenText(code.current?.text() ?? text), offset)
    if (!at) return
    setDocument(at.document)
    setActive(at.path)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once; what it calls is kept in refs
  useEffect(() => {
    if (!host.current) return
    const schemaOf = (kind: string) => schemas.current.get(kind)
    code.current = createCodeView({
      parent: host.current,
      text: firstText,
      label: t('code.label', { file }),
      onText: setText,
      onCursor: (offset) => onCursor.current(offset),
      onSave: review,
      suggest: (now, offset) => suggestionsAt(now, offset, { schemaOf, ...lookups.current }),
      hint: (now, offset) => hintAt(now, offset, schemaOf),
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
      line > 0,
    )
    if (line > 0) onCursor.current(place)
    return () => code.current?.destroy()
  }, [])
  useEffect(() => code.current?.readOnly(!mayEdit), [mayEdit])

  const sent = useMemo(
    () => (changed ? [sentFile({ file, ...base, text: raw, savedAt: 0 })] : undefined),
    [changed, file, base, raw],
  )
  const { plan, conflict, error, pending } = usePlan(sent, base.base)
  const quiet = useQuery({ ...queries.diagnostics(), enabled: !changed })
  const path = current?.path ?? file
  const found = useMemo(() => {
    const diagnostics = changed ? (plan?.diagnostics ?? []) : (quiet.data?.diagnostics ?? [])
    return diagnostics.filter((one) => one.file === path || one.file.endsWith(`/${file}`))
  }, [changed, plan, quiet.data, path, file])
  const marks = useMemo(() => marksOf(text, found, opened.view), [text, found, opened.view])
  useEffect(() => code.current?.problems([...marks]), [marks])
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
  const subsetsOf = (of: string) => subsets(opened.open, of)
  const form: FormState | undefined =
    schema && opened.value !== undefined
      ? {
          kind: opened.kind,
          value: opened.value,
          schema,
          active,
          readOnly: !mayEdit || opened.view?.error !== undefined,
          hosts,
          subsetsOf,
          edit: apply,
          reveal,
          problemAt: (at) => own.find((one) => one.path === formatPath(at) && one.severity !== 'info')?.message,
        }
      : undefined
  const name = nameOf(opened.value, object.namespace) ?? object
  const errors = own.filter(({ severity }) => severity === 'error').length + (opened.view?.error ? 1 : 0)
  const discard = () => {
    code.current?.replace(toEditor(base.baseText ?? '').text)
    if (base.baseText === undefined) {
      drafts.drop(file)
      router.history.push('/rules')
    }
  }
  useHotkeys([['mod+S', review]], [])
  const conflicting = conflict?.conflicts?.find((one) => one.file === file)
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
        <>
          <SegmentedControl
            size="xs"
            value={view.view}
            onChange={(next) => setView({ view: next })}
            aria-label={t('view.label')}
            data={(['form', 'split', 'yaml'] as const).map((one) => ({ value: one, label: t(`view.${one}`) }))}
          />
          <CopyMenu text={text} view={opened.view} file={file} raw={raw} base={base.base} />
          {changed && (
            <Button size="xs" variant="default" leftSection={<IconTrash size={15} />} onClick={discard}>
              {t('draft.discard')}
            </Button>
          )}
          <Button
            size="xs"
            rightSection={<IconArrowRight size={15} />}
            disabled={!changed || !mayEdit}
            title={mayEdit ? t('review.hint') : t('review.mayNot')}
            onClick={review}
          >
            {t('review.button')}
          </Button>
        </>
      }
    >
      {(behind || conflicting) && draft && (
        <ConflictPanel
          draft={{ ...draft, ...base, text: raw }}
          theirs={conflicting ? conflicting.theirs : currentText}
          revision={conflict?.revision ?? currentRevision ?? base.base}
          onResolved={(next) => {
            drafts.put(next)
            setBase({ base: next.base, baseText: next.baseText })
            code.current?.replace(toEditor(next.text ?? '').text)
          }}
        />
      )}
      {draft?.before !== undefined && draft.before !== raw && (
        <Group gap="xs">
          <Text size="sm">{t('draft.merged')}</Text>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => code.current?.replace(toEditor(draft.before ?? '').text)}
          >
            {t('draft.before')}
          </Button>
        </Group>
      )}
      <div className={classes['panes']} data-view={view.view}>
        <Paper withBorder className={classes['form']} data-pane="form">
          {opened.open.count > 1 && (
            <Select
              size="xs"
              m="xs"
              aria-label={t('document.choose')}
              data={documentNames(opened.open)}
              value={String(document)}
              allowDeselect={false}
              onChange={(next) => {
                if (next === null) return
                setDocument(Number(next))
                const { from } = opened.open.span(opened.open.segmentOf(Number(next))!)
                code.current?.reveal(from, from)
              }}
            />
          )}
          {opened.view?.error && (
            <Alert
              color="red"
              variant="light"
              icon={<IconAlertTriangle size={18} />}
              title={t('broken.title')}
              m="xs"
              role="alert"
              data-broken
            >
              <Text size="sm">{opened.view.error.message}</Text>
              <Button
                size="compact-xs"
                variant="default"
                mt={6}
                onClick={() => {
                  const at = opened.view?.error?.position?.offset ?? 0
                  if (view.view === 'form') setView({ view: 'split' })
                  code.current?.reveal(at, at + 1, true)
                }}
              >
                {t('broken.show', { line: opened.view.error.position?.line ?? 1 })}
              </Button>
            </Alert>
          )}
          {form ? (
            <FormProvider value={form}>
              <DocumentForm />
            </FormProvider>
          ) : (
            <Text size="sm" c="dimmed" p="md">
              {opened.kind === ''
                ? t('form.noKind')
                : known
                  ? t('form.loading')
                  : t('form.unknownKind', { kind: opened.kind })}
            </Text>
          )}
        </Paper>
        <Paper withBorder className={classes['code']} data-pane="yaml">
          <div ref={host} className={classes['host']} />
        </Paper>
      </div>
      <Paper withBorder>
        <Tabs value={view.tab} onChange={(next) => next && setView({ tab: next })} keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="problems" rightSection={found.length > 0 && <Badge size="xs">{found.length}</Badge>}>
              {t('tab.problems')}
            </Tabs.Tab>
            <Tabs.Tab value="diff">{t('tab.diff')}</Tabs.Tab>
            <Tabs.Tab value="impact" rightSection={plan && <Badge size="xs">{plan.proxies.length}</Badge>}>
              {t('tab.impact')}
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="problems" p="md">
            {found.length === 0 && !opened.view?.error && (
              <Text size="sm" c="dimmed">
                {t('problems.none')}
              </Text>
            )}
            <Stack gap="sm">
              {found.map((one) => (
                <div key={JSON.stringify(one)} className={classes['problem']}>
                  <DiagnosticItem diagnostic={one} />
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    onClick={() => {
                      if (view.view === 'form') setView({ view: 'split' })
                      const at = offsetOf(lineStarts(text), text.length, one.line, one.column)
                      code.current?.reveal(at, at, true)
                      onCursor.current(at)
                    }}
                  >
                    {t('problems.show')}
                  </Button>
                </div>
              ))}
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="diff" p="md">
            {error !== undefined && <ProblemAlert error={error} />}
            {plan && changed ? (
              <Stack gap="sm" data-pending={pending || undefined}>
                <MeaningList meaning={plan.meaning} />
                <FileDiffs files={plan.files} />
              </Stack>
            ) : (
              <Text size="sm" c="dimmed">
                {changed ? t('plan.waiting') : t('plan.same')}
              </Text>
            )}
          </Tabs.Panel>
          <Tabs.Panel value="impact" p="md">
            {plan && changed ? (
              <Impact plan={plan} />
            ) : (
              <Text size="sm" c="dimmed">
                {changed ? t('plan.waiting') : t('plan.same')}
              </Text>
            )}
          </Tabs.Panel>
        </Tabs>
      </Paper>
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

/** Documents of a file by what they say of themselves, without reading them all. */
function documentNames(open: OpenText): { readonly value: string; readonly label: string }[] {
  return Array.from({ length: open.count }, (_, document) => {
    const { from, to } = open.span(open.segmentOf(document)!)
    const slice = open.text.slice(from, Math.min(to, from + 2_000))
    const kind = /^kind:\s*["']?(\w+)/m.exec(slice)?.[1] ?? '?'
    const name = /^metadata:(?:\s*\{.*?\bname:\s*|(?:\n\s+.*)*?\n\s+name:\s*)["']?([\w.-]+)/m.exec(slice)?.[1] ?? ''
    return { value: String(document), label: `${document + 1} · ${kind} ${name}` }
  })
}

/** Subsets that DestinationRules of this file declare for a host. */
function subsets(open: OpenText, host: string): readonly string[] {
  for (let document = 0; document < Math.min(open.count, 200); document++) {
    const { from, to } = open.span(open.segmentOf(document)!)
    if (!/kind:\s*["']?DestinationRule/.test(open.text.slice(from, to))) continue
    const { value } = readDocument(open, document)
    const spec = isMap(value) ? readMap(value, 'spec') : {}
    if (readText(spec, 'host') === host) return readList(spec, 'subsets').flatMap((one) => readText(one, 'name') ?? [])
  }
  return []
}
