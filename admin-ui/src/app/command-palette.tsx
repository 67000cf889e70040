import { Button, Kbd } from '@mantine/core'
import { Spotlight, type SpotlightActionData, spotlight } from '@mantine/spotlight'
import { IconSearch, IconServer2, IconStack2 } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { proxyHref, serviceHref } from '../parts/hrefs.ts'
import type { NavItem } from './area.ts'

/** Pages, services and proxies by name: Ctrl-K or Cmd-K. */
export function CommandPalette({ items }: { readonly items: readonly NavItem[] }) {
  const { t } = useTranslation()
  const router = useRouter()
  const client = useQueryClient()
  const [found, setFound] = useState<readonly SpotlightActionData[]>([])
  const go = (href: string) => router.history.push(href)
  // Asked for when it is opened: a large mesh has thousands of names.
  const look = async () => {
    const [services, proxies] = await Promise.all([
      client.ensureQueryData(queries.services()).catch(() => []),
      client.ensureQueryData(queries.proxies()).catch(() => []),
    ])
    const has = (href: string) => router.matchRoutes(href).some(({ routeId }) => routeId !== '__root__')
    setFound(
      [
        ...services.map(({ hostname, namespace }) => ({
          id: `service ${namespace} ${hostname}`,
          label: hostname,
          description: `${t('palette.service')} · ${namespace}`,
          leftSection: <IconStack2 size={18} stroke={1.6} />,
          href: serviceHref(namespace, hostname),
        })),
        ...proxies.map(({ node, cluster }) => ({
          id: `proxy ${node}`,
          label: node,
          description: `${t('palette.proxy')} · ${cluster}`,
          leftSection: <IconServer2 size={18} stroke={1.6} />,
          href: proxyHref(node),
        })),
      ].flatMap(({ href, ...action }) => (has(href) ? [{ ...action, onClick: () => go(href) }] : [])),
    )
  }
  const pages = items.map(({ to, label, icon: Icon }) => ({
    id: to,
    label: t(label),
    leftSection: <Icon size={18} stroke={1.6} />,
    onClick: () => go(to),
  }))
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconSearch size={14} />}
        rightSection={<Kbd size="xs">Ctrl K</Kbd>}
        onClick={() => spotlight.open()}
        visibleFrom="sm"
      >
        {t('palette.open')}
      </Button>
      <Spotlight
        actions={[...pages, ...found]}
        limit={12}
        shortcut="mod + K"
        highlightQuery
        nothingFound={t('palette.nothing')}
        searchProps={{ leftSection: <IconSearch size={18} />, placeholder: t('palette.placeholder') }}
        onSpotlightOpen={() => void look()}
      />
    </>
  )
}
