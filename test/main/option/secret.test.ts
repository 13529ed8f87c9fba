import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configText } from '../../../src/main/cli/config.js'
import { loadConfig } from '../../../src/main/config.js'

describe('A secret option', () => {
  it('is taken, and not printed', () => {
    const config = loadConfig(new Map(), { GEEK_CACHE_RESP_PASSWORD: 'sesame' })
    assert.equal(config.values.respPassword, 'sesame')
    assert.doesNotMatch(configText(config), /sesame/)
    assert.match(configText(config), /respPassword: "\*\*\*" # GEEK_CACHE_RESP_PASSWORD/)
  })
})
