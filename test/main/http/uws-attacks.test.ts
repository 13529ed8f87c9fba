import { httpAttackSuite } from '../../support/http-attack-suite.js'

httpAttackSuite('uws', 10_000)
