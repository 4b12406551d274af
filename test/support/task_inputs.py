"""Parameter files and arguments, and what is said of those that are refused."""

SHARED = """
/**:
  ros__parameters:
    task: mine
    period: 0.1
    observation: {names: [x]}
    action: {names: [u], low: [-1.0], high: [1.0]}
"""
TASK = (
    SHARED + "/**/mpc_controller: {ros__parameters: "
    "{objective: {terms: [t], t: {type: quadratic, of: [x]}}}}\n"
)

TAKEN_SECTIONS = (
    "",
    "mpc_controller: {ros__parameters: {period: 0.1, seed: 0, planner.horizon: 9}}",
    "/**/mpc_controller: {ros__parameters: {planner: {horizon: 011, momentum: 0x.8}}}",
    "/*: {ros__parameters: {use_sim_time: true}}\ndata_logger: {ros__parameters: {topics: []}}",
    "/left/mpc_controller: {ros__parameters: {planner.horizon: 7}}",
    "pid_controller: {ros__parameters: {kp: 3.0}}",
    "model_trainer: {ros__parameters: {model.members: 3, optimizer: {learning_rate: 1}}}",
    "/**: {ros__parameters: {learner: gaussian_process}}\n"
    "model_trainer: {ros__parameters: {model.exact: 10}}",
    "mpc_controller: {ros__parameters: {objective: {t.target: 1, variants: {'off': {t.of: [u]}}}}}",
    "/**: {ros__parameters: {safe_command: values, safe_values: [-0.5], lock_step: yes}}",
    "/**: {ros__parameters: {observation.names: ['y'], task: 'off', action.names: ['n']}}\n"
    "mpc_controller: {ros__parameters: {objective.t.of: ['y']}}",
    "mujoco_sim: {ros__parameters: {time_limit: inf}}\n---\n/*: {ros__parameters: {seed: 7}}",
    "data_logger: {ros__parameters: {}}",
)
REFUSED_SECTIONS = {
    "/**: {ros__parameters: {sede: 1}}": "unknown parameter 'sede': did you mean 'seed'",
    "/**: {ros__parameters: {planner.horizon: 3}}": "unknown parameter 'planner.horizon'",
    "model_trainer: {ros__parameters: {model: {members: many}}}": "'model.members': expected",
    "model_trainer: {ros__parameters: {model.exact: 10}}": "unknown parameter 'model.exact'",
    "mujoco_sim: {ros__parameters: {time_limit: 1e400}}": "'time_limit': expected a number",
    "mujoco_sim: {ros__parameters: {objective: {terms: []}}}": "unknown parameter 'objective",
    "/**: {ros__parameters: {learner: other}}": "learner: expected one of ensemble",
    "mpc_controller: {ros__parameters: {objective.t.weight: heavy}}": "objective.t: parameter",
    "mpc_controller: {ros__parameters: {objective.t.target: nan(1)}}": "objective.t: parameter",
    "[": "not YAML",
}
#: Which one node could not know; to add to `SHARED`.
REFUSED_SYSTEMS = {
    "mpc_controler: {ros__parameters: {}}": "unknown node 'mpc_controler': did you mean",
    "/**/Mujoco_Sim: {ros__parameters: {}}": "did you mean 'mujoco_sim'",
    "/a/mpc_controller: {ros__parameters: {}}\nb/mpc_controller: {ros__parameters: {}}": "/a, /b",
    "/*/mpc_controller: {ros__parameters: {}}": "expected namespace:=NAME, got nodes in",
    "mujoco_sim: {ros__parameters: {period: 0.2}}": "'period' must be the same for all nodes, "
    "got 0.1 under /** and 0.2 under mujoco_sim",
}

#: Of the task cartpole_swingup.
TAKEN_WORDS = (
    "seed:=3",
    "planner.horizon:=7 mujoco_sim.action_repeat:=2",
    "objective.caution:=1 objective.active:=balance_left objective.upright.weight:=2",
    "objective.active:=learned model.reward_model:=true",
    "learner:=gaussian_process model.exact:=10",
    "action.low:=[-1] period:=4e-2 lock_step:=y",
    "safe_command:=hold safe_values:=[]",
)
REFUSED_WORDS = {
    "sede:=1": "unknown parameter 'sede'",
    "planner.horizen:=1": "unknown parameter 'planner.horizen': did you mean 'planner.horizon'",
    "mpc_controller.planner.horizen:=1": "did you mean 'planner.horizon'",
    "pilot.seed:=1": "unknown parameter 'pilot.seed'",
    "mpc_controller:=1": "unknown parameter 'mpc_controller'",
    "model.type:=ensemble": "unknown parameter 'model.type': it is learner, under",
    "model.exact:=10": "unknown parameter 'model.exact'",
    "planner.horizon:=0": "command line: mpc_controller: parameter 'planner.horizon': "
    "expected an integer in [1, 1000]",
    "planner.horizon:=long": "expected an integer",
    "planner.horizon:=": "expected an integer",
    "seed:=1.5": "command line: parameter 'seed': expected an integer",
    "seed:=[1.0, 2]": "parameter 'seed': expected a list of one simple type, got [1.0, 2]",
    "seed:=[1": "argument 'seed:=[1': the value is not YAML",
    "seed:={a: 1}": "parameter 'seed': expected a value, got {'a': 1}",
    "lock_step:=1": "'lock_step': expected true or false",
    "mpc_controller.seed:=1": "'seed' must be the same for all nodes",
    "objective.upright.wait:=1.0": "command line: mpc_controller: objective.upright",
    "objective.active:=learned": "objective 'learned': expected model.reward_model",
    "planner.proposals:=[inverse_model]": "inverse_model: expected model.inverses",
    "observation.names:=[y, n]": "command line: observation.low: expected 2 values, one per name",
    "learner:=other": "learner: expected one of ensemble",
}
