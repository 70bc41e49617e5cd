%% Erlang in `processes`: does as it is told by lines "run COUNT" on the standard input, and answers
%% in a line, the time in nanoseconds first, as the other worlds do.
-module(processes).
-export([main/1]).

main([Work | Numbers]) ->
    io:setopts([binary]),
    World = world(Work, [list_to_integer(Number) || Number <- Numbers]),
    serve(World).

serve(World) ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(1);
        Line ->
            [_Run, Count] = string:lexemes(Line, " \n"),
            io:put_chars([World(binary_to_integer(Count)), "\n"]),
            serve(World)
    end.

now_ns() -> erlang:monotonic_time(nanosecond).

told(Ns) -> [integer_to_list(Ns), " 0 0"].

idle() -> receive stop -> ok; _ -> idle() end.

world("spawn", _) ->
    fun(Count) ->
        Self = self(),
        Begun = now_ns(),
        Pids = [spawn(fun() -> Self ! started, idle() end) || _ <- lists:seq(1, Count)],
        heard(Count),
        Took = now_ns() - Begun,
        [Pid ! stop || Pid <- Pids],
        told(Took)
    end;
world("message", [Receivers, AtRandom]) ->
    Counter = counters:new(1, []),
    Self = self(),
    Pids = list_to_tuple([spawn(fun() -> hears(Counter, Self) end) || _ <- lists:seq(1, Receivers)]),
    fun(Count) ->
        counters:put(Counter, 1, Count),
        Begun = now_ns(),
        case AtRandom of
            0 -> in_turn(Count, Pids, Receivers, 1);
            1 -> at_random(Count, Pids, Receivers, 12345)
        end,
        receive done -> ok end,
        told(now_ns() - Begun)
    end;
world("call", _) ->
    Answers = spawn(fun answers/0),
    fun(Count) ->
        Begun = now_ns(),
        calls(Count, Answers),
        told(now_ns() - Begun)
    end;
world("restart", _) ->
    logger:set_primary_config(level, none),
    fun(Count) ->
        Begun = now_ns(),
        restarts(Count, spawn_monitor(fun answers/0)),
        told(now_ns() - Begun)
    end;
world("stream", [Batch]) ->
    Self = self(),
    Hears = spawn_opt(fun() -> hears_stream(Self) end, [{scheduler, 2}]),
    Sends = spawn_opt(fun() -> sends_stream(Self, Hears, Batch) end, [{scheduler, 1}]),
    fun(Count) ->
        Sends ! {go, Count},
        receive {took, Ns} -> told(Ns) end
    end;
world("lone", [GapUs]) ->
    Self = self(),
    Hears = spawn_opt(fun() -> hears_lone(Self, []) end, [{scheduler, 2}]),
    Sends = spawn_opt(fun() -> sends_lone(Hears, GapUs div 1000) end, [{scheduler, 1}]),
    fun(Count) ->
        Sends ! {go, Count},
        receive {took, All} -> ["0 0 0 ", lists:join(" ", [integer_to_list(Ns) || Ns <- All])] end
    end;
world("idle", _) ->
    fun(Count) ->
        Before = resident(),
        Self = self(),
        [spawn(fun() -> Self ! started, idle() end) || _ <- lists:seq(1, Count)],
        heard(Count),
        After = resident(),
        [integer_to_list(After - Before), " ", integer_to_list(After)]
    end.

heard(0) -> ok;
heard(Left) -> receive started -> heard(Left - 1) end.

hears(Counter, Driver) ->
    receive
        {_, _, _, _} ->
            counters:sub(Counter, 1, 1),
            case counters:get(Counter, 1) of
                0 -> Driver ! done;
                _ -> ok
            end,
            hears(Counter, Driver)
    end.

in_turn(0, _, _, _) -> ok;
in_turn(Left, Pids, Receivers, Next) ->
    element(Next, Pids) ! {Left, Left, Left, Left},
    in_turn(Left - 1, Pids, Receivers, if Next =:= Receivers -> 1; true -> Next + 1 end).

at_random(0, _, _, _) -> ok;
at_random(Left, Pids, Receivers, State) ->
    Drawn = (State * 1103515245 + 12345) band 16#7fffffff,
    element((Drawn bsr 8) rem Receivers + 1, Pids) ! {Left, Left, Left, Left},
    at_random(Left - 1, Pids, Receivers, Drawn).

answers() ->
    receive
        fail -> exit(as_it_was_told);
        {From, Ref, Number} -> From ! {Ref, Number + 1}, answers()
    end.

calls(0, _) -> ok;
calls(Left, Answers) ->
    Ref = make_ref(),
    Answers ! {self(), Ref, Left},
    Answer = Left + 1,
    receive {Ref, Answer} -> ok end,
    calls(Left - 1, Answers).

restarts(0, {Pid, Monitor}) -> demonitor(Monitor, [flush]), exit(Pid, kill);
restarts(Left, {Pid, Monitor}) ->
    Pid ! fail,
    receive {'DOWN', Monitor, process, Pid, _} -> ok end,
    Next = spawn_monitor(fun answers/0),
    calls(1, element(1, Next)),
    restarts(Left - 1, Next).

%% Without a bound a sender would run away: it waits for the receiver after each 4,096 messages.
sends_stream(Driver, Hears, Batch) ->
    receive
        {go, Count} ->
            Begun = now_ns(),
            batches(Count, Hears, Batch, 0),
            Hears ! {self(), all},
            receive all -> ok end,
            Driver ! {took, now_ns() - Begun},
            sends_stream(Driver, Hears, Batch)
    end.

batches(Left, _, _, _) when Left =< 0 -> ok;
batches(Left, Hears, Batch, Sent) when Sent >= 4096 ->
    Hears ! {self(), all},
    receive all -> batches(Left, Hears, Batch, 0) end;
batches(Left, Hears, Batch, Sent) ->
    Now = min(Left, Batch),
    in_turn(Now, {Hears}, 1, 1),
    erlang:yield(),
    batches(Left - Now, Hears, Batch, Sent + Now).

hears_stream(Driver) ->
    receive
        {_, _, _, _} -> hears_stream(Driver);
        {From, all} -> From ! all, hears_stream(Driver)
    end.

sends_lone(Hears, GapMs) ->
    receive
        {go, Count} -> lone(Count, Hears, GapMs), sends_lone(Hears, GapMs)
    end.

lone(0, _, _) -> ok;
lone(Left, Hears, GapMs) ->
    receive after GapMs -> ok end,
    Hears ! {now_ns(), Left},
    lone(Left - 1, Hears, GapMs).

hears_lone(Driver, All) ->
    receive
        {Sent, Left} ->
            Now = [now_ns() - Sent | All],
            case Left of
                1 -> Driver ! {took, Now}, hears_lone(Driver, []);
                _ -> hears_lone(Driver, Now)
            end
    end.

resident() ->
    {ok, Fd} = file:open("/proc/self/smaps_rollup", [read, raw, binary]),
    {ok, Text} = file:read(Fd, 4096),
    ok = file:close(Fd),
    {match, [Kib]} = re:run(Text, "Rss:\\s+([0-9]+) kB", [{capture, all_but_first, list}]),
    list_to_integer(Kib) * 1024.
