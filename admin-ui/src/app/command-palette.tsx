import { Button, Kbd } from '@mantine/core'
import { createSpotlight, Spotlight, type SpotlightActionData, type SpotlightFilterFunction } from '@mantine/spotlight'
import { IconFileText, IconSearch, IconServer2, IconStack2 } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import {
  type KeyboardEvent,
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import type { NavItem } from '../parts/area.ts'
import { documentHref, proxyHref, serviceHref } from '../parts/hrefs.ts'
import { type Goal, goalsFor, typedAhead } from './palette-search.ts'

const [store, palette] = createSpotlight()
const LIST = 'palette-list'
const FIELD = 'palette-field'
const MOST_SHOWN = 12
/** It comes and goes at once: letters are never for something that is only on its way. */
const AT_ONCE = { duration: 0 } as const

type Action = SpotlightActionData & Goal

const ICONS = {
  service: <IconStack2 size={18} stroke={1.6} />,
  rule: <IconFileText size={18} stroke={1.6} />,
  proxy: <IconServer2 size={18} stroke={1.6} />,
} as const

const filter: SpotlightFilterFunction = (query, actions) =>
  goalsFor(actions as readonly Action[], query, MOST_SHOWN) as Action[]

/** Pages, services, rules and proxies by name: Ctrl-K or Cmd-K. Enter goes to the first, also when the names are still on their way. */
export function CommandPalette({ items }: { readonly items: readonly NavItem[] }) {
  const { t } = useTranslation()
  const router = useRouter()
  const client = useQueryClient()
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<readonly Action[]>([])
  const [loading, setLoading] = useState(false)
  const wished = useRef(false)
  const selectedFor = useRef('')
  const go = useCallback((href: string) => router.history.push(href), [router])
  // Asked for when it is opened: a large mesh has thousands of names.
  const look = async () => {
    setLoading(true)
    const [services, rules, proxies] = await Promise.all([
      client.ensureQueryData(queries.services()).catch(() => []),
      client.ensureQueryData(changeQueries.rules()).catch(() => undefined),
      client.ensureQueryData(queries.proxies()).catch(() => []),
    ])
    const action = (kind: keyof typeof ICONS, label: string, more: string, href: string): Action => ({
      id: href,
      label,
      description: `${t(`palette.${kind}`)} · ${more}`,
      leftSection: ICONS[kind],
      onClick: () => go(href),
    })
    setFound([
      ...services.map(({ hostname, namespace }) =>
        action('service', hostname, namespace, serviceHref(namespace, hostname)),
      ),
      ...(rules?.rules ?? []).map(({ key, kind, name, namespace }) =>
        action('rule', name, `${kind} · ${namespace}`, documentHref(key)),
      ),
      ...proxies.map(({ node, cluster }) => action('proxy', node, cluster, proxyHref(node))),
    ])
    setLoading(false)
  }
  const actions = useMemo(
    () => [
      ...items.map(
        ({ to, label, icon: Icon }): Action => ({
          id: to,
          label: t(label),
          leftSection: <Icon size={18} stroke={1.6} />,
          onClick: () => go(to),
        }),
      ),
      ...found,
    ],
    [items, found, t, go],
  )
  const open = (first: Action | undefined) => {
    wished.current = false
    if (!first) return
    palette.close()
    first.onClick?.({} as never)
  }
  // Which one is selected stands in the element. It follows the list at once: what Enter takes is what one sees.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a list that changes is the reason to look
  useLayoutEffect(() => {
    const shown = [...document.querySelectorAll(`#${LIST} [data-action]`)]
    const stays = selectedFor.current === query
    const at = stays
      ? Math.max(
          0,
          shown.findIndex((one) => one.hasAttribute('data-selected')),
        )
      : 0
    for (const [index, one] of shown.entries())
      if (index === at) one.setAttribute('data-selected', 'true')
      else one.removeAttribute('data-selected')
    selectedFor.current = query
    store.updateState((state) => ({ ...state, selected: at }))
  }, [actions, query])
  // biome-ignore lint/correctness/useExhaustiveDependencies: names that came are the reason to look
  useEffect(() => {
    if (wished.current && !loading) open(goalsFor(actions, query, 1)[0])
  }, [loading])
  const enter = (words: string) => {
    const [first] = goalsFor(actions, words, 1)
    open(first)
    wished.current = first === undefined
  }
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
    // The list itself answers.
    if (store.getState().listId !== '' && document.querySelector(`#${LIST} [data-selected]`)) return
    enter(event.currentTarget.value)
  }
  const typed = useRef('')
  typed.current = query
  // Its field has the focus some frames after it was called; what is typed meanwhile is for it.
  const onKeyBefore = useEffectEvent((event: globalThis.KeyboardEvent) => {
    if (!store.getState().opened || document.activeElement?.id === FIELD) return
    const next = typedAhead(typed.current, event)
    if (next === undefined) return
    event.preventDefault()
    event.stopPropagation()
    if (next === 'go') enter(typed.current)
    else if (next === 'close') palette.close()
    else {
      typed.current = next.query
      setQuery(next.query)
    }
  })
  useEffect(() => {
    const listener = (event: globalThis.KeyboardEvent) => onKeyBefore(event)
    globalThis.addEventListener('keydown', listener, { capture: true })
    return () => globalThis.removeEventListener('keydown', listener, { capture: true })
  }, [])
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconSearch size={14} />}
        rightSection={<Kbd size="xs">Ctrl K</Kbd>}
        onClick={palette.open}
        visibleFrom="sm"
      >
        {t('palette.open')}
      </Button>
      <Spotlight
        store={store}
        actions={actions}
        filter={filter}
        query={query}
        onQueryChange={(next) => {
          wished.current = false
          setQuery(next)
        }}
        shortcut="mod + K"
        highlightQuery
        nothingFound={t(loading ? 'loading' : 'palette.nothing')}
        scrollAreaProps={{ id: LIST }}
        searchProps={{
          leftSection: <IconSearch size={18} />,
          placeholder: t('palette.placeholder'),
          'aria-label': t('palette.placeholder'),
          id: FIELD,
          onKeyDown,
        }}
        attributes={{ content: { 'aria-label': t('palette.open') } }}
        transitionProps={AT_ONCE}
        onSpotlightOpen={() => void look()}
        onSpotlightClose={() => {
          wished.current = false
        }}
      />
    </>
  )
}
