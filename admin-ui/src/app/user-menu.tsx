import { ActionIcon, Menu, Text, useMantineColorScheme } from '@mantine/core'
import { IconClock, IconLanguage, IconLogout, IconSunMoon, IconUserCircle } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries } from '../api/queries.ts'
import { currentLanguage, setLanguage } from '../i18n/index.ts'
import { localZone, useZone } from '../parts/time.tsx'

export function UserMenu() {
  const { t } = useTranslation()
  const { data: session } = useQuery(queries.session())
  const [zone, setZone] = useZone()
  const { toggleColorScheme } = useMantineColorScheme()
  const logout = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/logout', {})),
    onSettled: () => location.assign('/'),
  })
  if (!session) return null
  const name = session.user === '' ? t('user.reader') : session.via === 'open' ? t('user.open') : session.user
  return (
    <Menu position="bottom-end" width={280}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('user.menu')}>
          <IconUserCircle size={20} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)">
            {name}
          </Text>
          <Text size="xs">{t('user.role', { role: t(`role.${session.role}`) })}</Text>
          {session.via === 'open' && session.user !== '' && <Text size="xs">{t('user.openHint')}</Text>}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconClock size={16} />}
          closeMenuOnClick={false}
          onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')}
        >
          {t('zone.switch')}: {zone === 'utc' ? t('zone.utc') : t('zone.local', { zone: localZone() })}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconLanguage size={16} />}
          hiddenFrom="md"
          onClick={() => void setLanguage(currentLanguage() === 'zh' ? 'en' : 'zh')}
        >
          {t('language.switch')}
        </Menu.Item>
        <Menu.Item leftSection={<IconSunMoon size={16} />} hiddenFrom="md" onClick={toggleColorScheme}>
          {t('scheme.switch')}
        </Menu.Item>
        {session.via === 'session' && (
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => logout.mutate()}>
            {t('user.logout')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
