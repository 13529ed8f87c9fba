#!/usr/bin/env node
import { keepYoungGenerationSmall } from './young-generation.js'

keepYoungGenerationSmall()
await import('./program.js')
