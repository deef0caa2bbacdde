// The contract's tests, compiled once; each engine's own test file instantiates them.
#include "tasks/engine_contract_leases.hpp"
#include "tasks/engine_contract_model.hpp"
#include "tasks/engine_contract_queue.hpp"
