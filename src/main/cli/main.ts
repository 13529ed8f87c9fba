#!/usr/bin/env node
import { keepCollectionsShort } from './short-collections.js'

keepCollectionsShort()
await import('./program.js')
