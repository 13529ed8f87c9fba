import { GrpcClient } from '../../../src/main/grpc/client/grpc-client.js'
import { GrpcJsCaller } from '../../../src/main/service/grpc-js-caller.js'
import { describePeerClient } from '../../support/peer-suite.js'

describePeerClient('a peer client over the engine', (address, options) => new GrpcClient(address, options))
describePeerClient('a peer client over grpc-js', (address, options) => new GrpcJsCaller(address, options))
