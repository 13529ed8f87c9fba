import { httpAttackSuite } from '../../support/http-attack-suite.js'

httpAttackSuite('node', 2000)
