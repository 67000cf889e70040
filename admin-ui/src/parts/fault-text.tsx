import { useTranslation } from 'react-i18next'
import type { Policy } from '../api/schema.ts'
import { faultFacts } from './policy-words.ts'

/** What a fault does, in words; its values as they are written where there are no words for them. */
export function FaultText({ values }: { readonly values: Policy['values'] }) {
  const { t } = useTranslation()
  const facts = faultFacts(values)
  if (!facts) return <>{values.map(({ name, value }) => `${name} ${value}`).join(', ')}</>
  const { delay, abort } = facts
  const share = (percent: string | undefined) =>
    percent === undefined ? t('fault.noPercent') : t('fault.percent', { percent })
  return (
    <>
      {[
        delay && t('fault.delay', { share: share(delay.percent), time: delay.time }),
        abort && t(`fault.${abort.kind}`, { share: share(abort.percent), status: abort.status }),
      ]
        .filter(Boolean)
        .join(t('fault.and'))}
    </>
  )
}
