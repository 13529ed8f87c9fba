import { ServerCredentials } from '@grpc/grpc-js'
import { NativeServer } from '../../../src/main/service/native-server.js'
import { serviceSuite } from '../../support/service-suite.js'

serviceSuite(
  'services over the engine of this package',
  (limits) =>
    new NativeServer({
      ...limits,
      credentials: ServerCredentials.createInsecure(),
      onReadStart() {},
      onReadEnd() {},
      onFault(error) {
        throw error
      },
    }),
)
