# fish completion for pzp(1), pzh(1), pzpd(8), pzhd(8): the programs know what a word may become.

function __pz_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l ask __complete
    if string match -qr 'pz[ph]d$' -- $program
        set program (string replace -r 'd$' '' -- $program)
        set ask __complete-daemon
    end
    set -l word (commandline -ct)
    for line in ($program $ask $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :dirs
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$word")
            case :files
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$word")
            case '*'
                echo $line
        end
    end
end

for program in pzp pzh pzpd pzhd
    complete -c $program -f -a '(__pz_complete)'
end
