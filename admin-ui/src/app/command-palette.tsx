import { Button, Kbd } from '@mantine/core'
import { createSpotlight, Spotlight, type SpotlightFilterFunction } from '@mantine/spotlight'
import { IconSearch } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { NavItem } from '../parts/area.ts'
import { goalsFor, typedAhead } from './palette-search.ts'
import { type PaletteAction, usePaletteActions } from './use-palette-actions.tsx'

const [store, palette] = createSpotlight()
const LIST = 'palette-list'
const FIELD = 'palette-field'
const MOST_SHOWN = 12
/** It comes and goes at once: letters are never for something that is only on its way. */
const AT_ONCE = { duration: 0 } as const

const filter: SpotlightFilterFunction = (query, actions) =>
  goalsFor(actions as readonly PaletteAction[], query, MOST_SHOWN) as PaletteAction[]

/** Pages, services, rules and proxies by name: Ctrl-K or Cmd-K. Enter goes to the first, also when the names are still on their way. */
export function CommandPalette({ items }: { readonly items: readonly NavItem[] }) {
  const { t } = useTranslation()
  const { actions, loading, look } = usePaletteActions(items)
  const [query, setQuery] = useState('')
  const wished = useRef(false)
  const open = (first: PaletteAction | undefined) => {
    wished.current = false
    if (!first) return
    palette.close()
    first.onClick?.({} as never)
  }
  useSelection(actions, query)
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
  useTypedAhead(query, setQuery, enter)
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

/** Which one is selected stands in the element. It follows the list at once: what Enter takes is what one sees. */
function useSelection(actions: readonly PaletteAction[], query: string): void {
  const selectedFor = useRef('')
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
}

/** The field of the palette has the focus some frames after it was called; what is typed meanwhile is for it. */
function useTypedAhead(query: string, setQuery: (query: string) => void, enter: (words: string) => void): void {
  const typed = useRef('')
  typed.current = query
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
}
