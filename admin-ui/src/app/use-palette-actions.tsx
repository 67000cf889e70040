import type { SpotlightActionData } from '@mantine/spotlight'
import { IconFileText, IconServer2, IconStack2 } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import type { NavItem } from '../parts/area.ts'
import { documentHref, proxyHref, serviceHref } from '../parts/hrefs.ts'
import type { Goal } from './palette-search.ts'

/** Somewhere that the palette leads to. */
export type PaletteAction = SpotlightActionData & Goal

const ICONS = {
  service: <IconStack2 size={18} stroke={1.6} />,
  rule: <IconFileText size={18} stroke={1.6} />,
  proxy: <IconServer2 size={18} stroke={1.6} />,
} as const

/**
 * Pages, and the services, rules and proxies that were found last. `look` asks for these anew, to be called when the palette opens: a large
 * mesh has thousands of names. What cannot be asked for is left out.
 */
export function usePaletteActions(items: readonly NavItem[]) {
  const { t } = useTranslation()
  const router = useRouter()
  const client = useQueryClient()
  const [found, setFound] = useState<readonly PaletteAction[]>([])
  const [loading, setLoading] = useState(false)
  const go = useCallback((href: string) => router.history.push(href), [router])
  const look = async () => {
    setLoading(true)
    const [services, rules, proxies] = await Promise.all([
      client.ensureQueryData(queries.services()).catch(() => []),
      client.ensureQueryData(changeQueries.rules()).catch(() => undefined),
      client.ensureQueryData(queries.proxies()).catch(() => []),
    ])
    const action = (kind: keyof typeof ICONS, label: string, more: string, href: string): PaletteAction => ({
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
        ({ to, label, icon: Icon }): PaletteAction => ({
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
  return { actions, loading, look }
}
